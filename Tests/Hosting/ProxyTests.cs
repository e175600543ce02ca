using System.Net;
using HiveMind.Configuration;
using HiveMind.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace HiveMind.Tests.Hosting;

public sealed class ProxyTests
{
    [Theory]
    [InlineData("127.0.0.1", "203.0.113.9", "https", "203.0.113.9 https")]
    [InlineData("127.0.0.0/8", "203.0.113.9", "https", "203.0.113.9 https")]
    [InlineData("10.0.0.1", "203.0.113.9", "https", "127.0.0.1 http")]
    [InlineData(null, "203.0.113.9", "https", "127.0.0.1 http")]
    [InlineData("127.0.0.1", "198.51.100.1, 203.0.113.9", "https, https", "203.0.113.9 https")] // what the proxy itself saw, not what the caller wrote
    [InlineData("127.0.0.1", "nonsense", "https", "127.0.0.1 http")]
    public async Task Forwarded_ByNamedProxiesOnly_IsBelieved(string? trusted, string from, string scheme, string seen)
    {
        var options = new PoolOptions { Http = { TrustedProxies = trusted is null ? [] : [trusted] } };
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        builder.Services.AddSingleton(options);
        await using var app = builder.Build();
        HttpGate.Use(app, options);
        app.Run(http => http.Response.WriteAsync($"{http.Connection.RemoteIpAddress} {http.Request.Scheme}"));
        await app.StartAsync();
        using var client = new HttpClient { BaseAddress = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()) };
        using var request = new HttpRequestMessage(HttpMethod.Get, "/");
        request.Headers.TryAddWithoutValidation("X-Forwarded-For", from);
        request.Headers.TryAddWithoutValidation("X-Forwarded-Proto", scheme);
        Assert.Equal(seen, await (await client.SendAsync(request)).Content.ReadAsStringAsync());
    }
}

using System.Net;
using HiveMind.Configuration;
using HiveMind.Hosting;
using Microsoft.AspNetCore.Http;

namespace HiveMind.Tests.Hosting;

public sealed class HttpGateTests
{
    private static readonly PoolOptions Options = new() { Http = { StatusFrom = ["10.1.0.0/16", "2001:db8::/32"], RequestsPerSecond = 1, Burst = 3 } };

    [Theory]
    [InlineData("127.0.0.1", 200, true)]
    [InlineData("::1", 200, true)]
    [InlineData("::ffff:127.0.0.1", 200, true)]
    [InlineData("10.1.2.3", 200, true)]
    [InlineData("::ffff:10.1.2.3", 200, true)]
    [InlineData("2001:db8:5::1", 200, true)]
    [InlineData("10.2.0.1", 403, false)]
    [InlineData("203.0.113.9", 403, false)]
    public async Task Metrics_AreForThisMachineAndNamedNetworks(string address, int code, bool details)
    {
        var http = await Ask("/metrics", address);
        Assert.Equal((code, details), (http.Response.StatusCode, HttpGate.MaySeeDetails(http)));
    }

    [Fact]
    public async Task Readyz_OfAStranger_IsAnsweredWithoutDetails()
    {
        var http = await Ask("/readyz", "203.0.113.9");
        Assert.Equal((200, false), (http.Response.StatusCode, HttpGate.MaySeeDetails(http)));
    }

    [Fact]
    public async Task Rate_OfOneSite_IsRefusedAndAnotherIsNot()
    {
        using var gate = new HttpGate(_ => Task.CompletedTask, Options);
        for (var i = 0; i < 3; i++) Assert.Equal(200, (await Ask("/", $"2001:db9::{i}", gate)).Response.StatusCode);
        var refused = await Ask("/", "2001:db9::9", gate);
        Assert.Equal((429, "1"), (refused.Response.StatusCode, refused.Response.Headers.RetryAfter.ToString()));
        Assert.Equal(200, (await Ask("/healthz", "2001:db9::9", gate)).Response.StatusCode);
        Assert.Equal(200, (await Ask("/", "2001:db9:1::9", gate)).Response.StatusCode);
    }

    [Theory]
    [InlineData("https", true)]
    [InlineData("http", false)]
    public async Task Https_SaysToStayWithIt(string scheme, bool said)
    {
        using var gate = new HttpGate(_ => Task.CompletedTask, Options);
        Assert.Equal(said, (await Ask("/", "127.0.0.1", gate, scheme)).Response.Headers.StrictTransportSecurity.Count > 0);
    }

    [Theory]
    [InlineData("10.1.2.3", true)]
    [InlineData("10.0.0.0/8", true)]
    [InlineData("2001:db8::/32", true)]
    [InlineData("nginx", false)]
    [InlineData("10.0.0.0/99", false)]
    [InlineData("", false)]
    public void Network_IsAnAddressOrARange(string text, bool isOne) => Assert.Equal(isOne, Networks.TryParse(text) is not null);

    private static async Task<HttpContext> Ask(string path, string address, HttpGate? gate = null, string scheme = "http")
    {
        var http = new DefaultHttpContext { Request = { Path = path, Scheme = scheme }, Connection = { RemoteIpAddress = IPAddress.Parse(address) } };
        using var own = gate is null ? new HttpGate(_ => Task.CompletedTask, Options) : null;
        await (gate ?? own!).Invoke(http);
        return http;
    }
}

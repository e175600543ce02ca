using System.Net;
using HiveMind.Workers.Connection;

namespace HiveMind.Tests.Workers;

/// <summary>Straight to the hub, unless a proxy is asked for by name.</summary>
public sealed class HubProxyTests
{
    private static readonly Uri Near = new("http://127.0.0.1:50051"), Far = new("https://hub.example:50051");

    [Fact]
    public void Apply_NotAsked_TheHandlerTakesNoneFromTheEnvironment()
    {
        using var handler = new SocketsHttpHandler();
        Assert.True(handler.UseProxy);
        HubProxy.Apply(handler, HubProxy.For(Far));
        Assert.False(handler.UseProxy);
    }

    [Theory]
    [InlineData("http://proxy:3128", "http://proxy:3128/", null, null)]
    [InlineData("socks5://me:se%2Fcret@proxy:1080", "socks5://proxy:1080/", "me", "se/cret")]
    [InlineData("https://me@proxy", "https://proxy/", "me", "")]
    public void Apply_Asked_IsUsedWithItsCredentials(string proxy, string address, string? user, string? password)
    {
        using var handler = new SocketsHttpHandler();
        HubProxy.Apply(handler, HubProxy.For(Far, proxy));
        Assert.True(handler.UseProxy);
        var way = Assert.IsType<WebProxy>(handler.Proxy);
        Assert.Equal(new Uri(address), way.GetProxy(Far));
        var credentials = (NetworkCredential?)way.Credentials;
        Assert.Equal((user, password), (credentials?.UserName, credentials?.Password));
    }

    [Theory]
    [InlineData("proxy", true)]
    [InlineData("ftp://proxy", true)]
    [InlineData("proxy:3128", true)]
    [InlineData("http://proxy:3128", true)]
    [InlineData("socks5://proxy:1080", false)]
    public void Problem_HubInClear_OnlySocksCanCarryIt(string proxy, bool isWrong) => Assert.Equal(isWrong, HubProxy.Problem(Near, proxy) is not null);

    [Theory]
    [InlineData("http://proxy:3128")]
    [InlineData("https://proxy")]
    [InlineData("socks4a://proxy:1080")]
    public void Problem_HubWithTls_AllCanCarryIt(string proxy) => Assert.Null(HubProxy.Problem(Far, proxy));
}

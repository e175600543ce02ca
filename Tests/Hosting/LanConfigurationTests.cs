using System.Net;
using HiveMind.Configuration;
using Microsoft.Extensions.Configuration;

namespace HiveMind.Tests.Hosting;

/// <summary>What `--lan` and its neighbours make of where the ports listen and whether they speak TLS.</summary>
public sealed class LanConfigurationTests
{
    [Fact]
    public void Lan_Alone_IsAllAddressesWithTlsAndTheHttpPortAtHome()
    {
        var (options, problems) = Read("--lan");

        Assert.Empty(problems);
        Assert.Contains(options.Grpc.Address, new[] { IPAddress.Any, IPAddress.IPv6Any });
        Assert.Equal((true, IPAddress.Loopback, false), (options.Grpc.SpeaksTls, options.HttpAddress, options.HttpSpeaksTls));
    }

    [Fact]
    public void Lan_InClear_IsAsked()
    {
        var (options, problems) = Read("--lan", "--HiveMind:Grpc:AllowInsecure=true");

        Assert.Empty(problems);
        Assert.False(options.Grpc.SpeaksTls);
    }

    [Fact]
    public void Lan_WithHosts_TheyWinAndHttpBeyondLoopbackIsTls()
    {
        var (options, problems) = Read("--lan", "--HiveMind:Grpc:Host=127.0.0.1", "--HiveMind:Http:Host=192.168.1.5");

        Assert.Empty(problems);
        Assert.Equal((IPAddress.Loopback, true), (options.Grpc.Address, options.HttpSpeaksTls));
    }

    [Theory]
    [InlineData("Grpc:Host", "--HiveMind:Grpc:Host=0.0.0.0")]
    [InlineData("Http:Host", "--HiveMind:Http:Host=0.0.0.0")]
    [InlineData("Http:Host", "--HiveMind:Http:Host=here")]
    [InlineData("Auth:Mode", "--lan", "--HiveMind:Auth:Mode=Open")]
    public void Problems_BeyondLoopbackWithoutProtection_NameTheSetting(string setting, params string[] arguments) =>
        Assert.Contains($"HiveMind:{setting} ", Assert.Single(Read(arguments).Problems), StringComparison.Ordinal);

    private static (PoolOptions Options, IReadOnlyList<string> Problems) Read(params string[] arguments) => SiloConfiguration.Read(
        new ConfigurationBuilder().AddCommandLine(SiloConfiguration.Arguments(arguments)).Build(), name => name == "XDG_DATA_HOME" ? "/data" : null);
}

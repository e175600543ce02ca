using System.Net;
using System.Net.Sockets;

namespace HiveMind.Tests.Processes;

/// <summary>`up` beside others: at a port that is not its own it does nothing.</summary>
public sealed class UpTests : IDisposable
{
    private readonly string _home = Directory.CreateTempSubdirectory("hivemind-up-").FullName;

    [Fact]
    public async Task PortOfAnotherHub_EndsWith78_AndNothingWasDoneThere()
    {
        using var other = await new PoolProcess("Auth:Registration=Open").Start();

        using var up = Up(new Uri(other.Address).Port);

        Assert.Equal(SiloHost.BadConfiguration, await up.Exited(TimeSpan.FromSeconds(60)));
        Assert.Contains("The silo did not start: ", up.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("account", up.Output, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(_home, "hivemind", "session.json")));
        Assert.False(File.Exists(Path.Combine(_home, "hivemind", "local-account.json")));
    }

    [Fact]
    public async Task PortOfAnotherProgram_EndsWith78()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();

        using var up = Up(((IPEndPoint)listener.LocalEndpoint).Port);

        Assert.Equal(SiloHost.BadConfiguration, await up.Exited(TimeSpan.FromSeconds(60)));
    }

    public void Dispose() => Directory.Delete(_home, recursive: true);

    private HivemindProcess Up(int port) => HivemindProcess.Start(
        new Dictionary<string, string> { ["XDG_CONFIG_HOME"] = _home, ["XDG_DATA_HOME"] = _home, ["XDG_STATE_HOME"] = _home, ["HIVEMIND_HUB"] = "" },
        "up", $"--HiveMind:Grpc:Port={port}", "--HiveMind:Http:Port=0");
}

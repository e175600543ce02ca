using HiveMind.Tests.Processes;

namespace HiveMind.Tests.Clustering;

/// <summary>Where one silo is the whole pool, there is no port by which another could join it.</summary>
public sealed class LocalTransportTests
{
    [Fact]
    public async Task EmbeddedStateStore_ListensForCallersOnly()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "sockets are read from /proc");
        using var pool = await new PoolProcess("Auth:Mode=Open").Start();
        var page = PageOf(pool.Output);

        var ports = ListeningPorts.Of(pool.Process.Id);

        Assert.Equal(new[] { new Uri(pool.Address).Port, page }.Order(), ports);
        Assert.False(File.Exists(Path.Combine(pool.DataDirectory, "silo-port")));
        Assert.NotEmpty((await pool.Master.GetSystemStatsAsync(new())).ToString());
    }

    internal static int PageOf(string output) =>
        new Uri(output.Split('\n').Single(line => line.TrimStart().StartsWith("page ", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1].Trim()).Port;
}

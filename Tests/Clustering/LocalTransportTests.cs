using HiveMind.Tests.Processes;

namespace HiveMind.Tests.Clustering;

/// <summary>Where one silo is the whole pool, there is no port by which another could join it.</summary>
public sealed class LocalTransportTests
{
    [Fact]
    public async Task EmbeddedFloor_ListensForCallersOnly()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "sockets are read from /proc");
        using var pool = await new PoolProcess("Auth:Mode=Open").Start();
        var page = PageOf(pool.Output);

        var ports = ListeningPorts.Of(pool.Process.Id);

        Assert.Superset(new HashSet<int> { new Uri(pool.Address).Port, page }, ports.ToHashSet());
        Assert.True(ports.Count <= 3, $"listens on {string.Join(", ", ports)}"); // calls, page, and the embedded store's loopback port
        Assert.False(File.Exists(Path.Combine(pool.DataDirectory, "silo-port")));
        Assert.NotEmpty((await pool.Master.GetSystemStatsAsync(new())).ToString());
    }

    internal static int PageOf(string output) =>
        new Uri(output.Split('\n').Single(line => line.TrimStart().StartsWith("page ", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1].Trim()).Port;
}

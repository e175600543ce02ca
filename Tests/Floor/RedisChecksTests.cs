using System.Diagnostics;
using HiveMind.Storage;

namespace HiveMind.Tests.Floors;

public sealed class RedisChecksTests
{
    private static readonly string[] Sound = ["--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction"];

    [Fact]
    public async Task Start_SoundRedis_ServesAndCommitsAtOnce()
    {
        using var redis = await RealRedis.Start(Sound);
        await using var floor = await Floor.Start(new FloorOptions { ConnectionString = redis.ConnectionString });
        await floor.Nodes.Add("a");

        Assert.Equal(["a"], await floor.Nodes.All());
        Assert.Null(await floor.Health.Check(TimeSpan.FromSeconds(10)));
    }

    [Fact]
    public Task Start_NoAppendOnlyFile_Refused() => Refused("appendonly", "--appendonly", "no");

    [Fact]
    public Task Start_Evicting_Refused() => Refused("maxmemory-policy", "--appendonly", "yes", "--maxmemory-policy", "allkeys-lru");

    [Fact]
    public Task Start_ClusterMode_Refused() => Refused("Cluster mode", "--appendonly", "yes", "--cluster-enabled", "yes");

    [Fact]
    public Task Start_NoScripts_Refused() => Refused("Lua", "--appendonly", "yes", "--rename-command", "EVAL", "", "--rename-command", "EVALSHA", "");

    [Fact]
    public async Task Start_NobodyListens_RefusedInOneLineWithoutAHang()
    {
        var options = new FloorOptions { ConnectionString = "127.0.0.1:1", CommandTimeout = TimeSpan.FromSeconds(1) };
        var began = Stopwatch.StartNew();

        var refused = await Assert.ThrowsAsync<StartRefusedException>(() => Floor.Start(options));

        Assert.Contains("does not answer", Assert.Single(refused.Problems), StringComparison.Ordinal);
        Assert.True(began.Elapsed < TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task Add_RedisKilled_UnavailableAndHealthSaysSo()
    {
        using var redis = await RealRedis.Start(Sound);
        await using var floor = await Floor.Start(
            new FloorOptions { ConnectionString = redis.ConnectionString, CommandTimeout = TimeSpan.FromSeconds(1) });
        redis.Kill();

        var failure = await Assert.ThrowsAsync<HiveMindException>(() => floor.Nodes.Add("a"));

        Assert.Equal((FailureKind.Unavailable, FloorFailures.Reason), (failure.Kind, failure.Reason));
        Assert.NotNull(await floor.Health.Check(TimeSpan.FromSeconds(2)));
    }

    private static async Task Refused(string expected, params string[] settings)
    {
        using var redis = await RealRedis.Start(settings);

        var refused = await Assert.ThrowsAsync<StartRefusedException>(() => Floor.Start(new FloorOptions
        {
            ConnectionString = redis.ConnectionString, CommandTimeout = TimeSpan.FromSeconds(2),
        }));

        Assert.Contains(refused.Problems, problem => problem.Contains(expected, StringComparison.Ordinal) && !problem.Contains('\n'));
    }
}

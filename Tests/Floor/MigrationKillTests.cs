using HiveMind.Configuration;
using HiveMind.Faults;
using HiveMind.Storage;
using HiveMind.Tests.Processes;
using StackExchange.Redis;

namespace HiveMind.Tests.Floors;

/// <summary>A migration dies as by kill -9 and is run again: either floor is whole, never both, never none.</summary>
public sealed class MigrationKillTests : IDisposable
{
    private readonly string _data = Directory.CreateTempSubdirectory("hivemind-migrate-").FullName;

    [Theory]
    [InlineData(Failpoints.MigrateBegun)]
    [InlineData(Failpoints.MigrateCopying + ":200")]
    [InlineData(Failpoints.MigrateBeforeCommit)]
    [InlineData(Failpoints.MigrateAfterCommit)]
    public async Task Killed_OldFloorLivesOnAndIsMovedByTheNextRun(string failpoint)
    {
        using var redis = await RealRedis.Start("--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction");
        await Use("", Fill);
        await Die(failpoint, redis);
        if (!failpoint.StartsWith(Failpoints.MigrateAfterCommit, StringComparison.Ordinal))
        {
            Assert.Contains("half a copy", await RefusedLine(redis.ConnectionString), StringComparison.Ordinal);
        }

        await Use("", db => Task.WhenAll(db.StringSetAsync("hivemind/later", "yes"), db.KeyDeleteAsync("hivemind/state/task/7/task")));
        if (failpoint == Failpoints.MigrateAfterCommit) Assert.Contains("behind its books", await RefusedLine(redis.ConnectionString), StringComparison.Ordinal);
        var report = await Migrate(redis);

        Assert.True(report.Copied);
        Assert.Contains($"was moved to the Redis at {redis.ConnectionString}", await RefusedLine(""), StringComparison.Ordinal);
        await Use(redis.ConnectionString, async db =>
        {
            Assert.Equal("yes", await db.StringGetAsync("hivemind/later"));
            Assert.False(await db.KeyExistsAsync("hivemind/state/task/7/task"));
            Assert.False(await db.KeyExistsAsync("hivemind/members/hivemind"));
            await AssertFilled(db, except: 7);
        });
        Assert.False((await Migrate(redis)).Copied); // and again changes nothing
    }

    [Fact]
    public async Task KilledAfterTheCommit_ThenStartedOnRedis_OldFloorRefusesAndTheNextRunOnlyMarks()
    {
        using var redis = await RealRedis.Start("--appendonly", "yes", "--maxmemory-policy", "noeviction");
        await Use("", Fill);
        await Die(Failpoints.MigrateAfterCommit, redis);
        await Use(redis.ConnectionString, db => AssertFilled(db));

        Assert.Contains("behind its books", await RefusedLine(""), StringComparison.Ordinal);
        Assert.False((await Migrate(redis)).Copied);
        Assert.Contains("was moved", await RefusedLine(""), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_RedisThatMustNotBeUsed_ChangesNothing()
    {
        using var redis = await RealRedis.Start("--appendonly", "no");
        await Use("", Fill);

        var refused = await Assert.ThrowsAsync<StartRefusedException>(() => Migrate(redis));

        Assert.Contains("appendonly is 'no'", refused.Message, StringComparison.Ordinal);
        await Use("", db => AssertFilled(db));
    }

    public void Dispose() => Directory.Delete(_data, recursive: true);

    private PoolOptions Options(string redis) => new() { DataDirectory = _data, Redis = new() { ConnectionString = redis } };

    private Task<MigrationReport> Migrate(RealRedis redis) => FloorMigration.Run(Options(""), redis.ConnectionString, TestContext.Current.CancellationToken);

    /// <summary>A start and a clean stop of the stores, which is what a floor sees of a silo.</summary>
    private async Task Use(string redis, Func<IDatabase, Task> act)
    {
        await using var stores = await Stores.Open(Options(redis), acceptLostFloor: false);
        await act(stores.Floor.Redis.GetDatabase());
    }

    private async Task<string> RefusedLine(string redis) =>
        Assert.Single((await Assert.ThrowsAsync<StartRefusedException>(() => Use(redis, _ => Task.CompletedTask))).Problems);

    private async Task Die(string failpoint, RealRedis redis)
    {
        using var process = HivemindProcess.Start(
            new Dictionary<string, string> { ["HIVEMIND_FAILPOINT"] = failpoint }, "migrate", "--to", redis.ConnectionString, $"--HiveMind:DataDirectory={_data}");
        var exitCode = await process.Exited(TimeSpan.FromSeconds(60));
        Assert.True(exitCode == 137, $"ended with {exitCode}:\n{process.Output}");
    }

    /// <summary>Every type that is stored, bytes that are no text, and more entries than one batch.</summary>
    private static async Task Fill(IDatabase db)
    {
        var writes = Enumerable.Range(0, 500).Select(i =>
            db.HashSetAsync($"hivemind/state/task/{i}/task", [new("etag", $"e{i}"), new("data", new byte[] { 0, 255, (byte)i })])).ToList();
        writes.Add(db.HashSetAsync("hivemind/unfinished/00", [.. Enumerable.Range(0, 2500).Select(i => new HashEntry(BitConverter.GetBytes(i), Value(i)))]));
        writes.Add(db.SortedSetAddAsync("hivemind/open", [.. Enumerable.Range(0, 2500).Select(i => new SortedSetEntry(BitConverter.GetBytes(i), Score(i)))]));
        writes.Add(db.SetAddAsync("hivemind/nodes", ["a", "b", "ü"]));
        writes.Add(db.HashSetAsync("hivemind/members/hivemind", [new("x", "y")]));
        await Task.WhenAll(writes);
    }

    private static async Task AssertFilled(IDatabase db, int except = -1)
    {
        for (var i = 0; i < 500; i++)
        {
            if (i == except) continue;
            var state = (await db.HashGetAllAsync($"hivemind/state/task/{i}/task")).ToDictionary(entry => entry.Name.ToString(), entry => (byte[])entry.Value!);
            Assert.Equal(2, state.Count);
            Assert.Equal(new byte[] { 0, 255, (byte)i }, state["data"]);
        }

        var entries = (await db.HashGetAllAsync("hivemind/unfinished/00")).ToDictionary(entry => BitConverter.ToInt32((byte[])entry.Name!));
        Assert.Equal(2500, entries.Count);
        Assert.All(entries, entry => Assert.Equal(Value(entry.Key), (byte[])entry.Value.Value!));
        var places = await db.SortedSetRangeByRankWithScoresAsync("hivemind/open");
        Assert.Equal(2500, places.Length);
        Assert.All(places, place => Assert.Equal(Score(BitConverter.ToInt32((byte[])place.Element!)), place.Score));
        Assert.Equal(["a", "b", "ü"], (await db.SetMembersAsync("hivemind/nodes")).Select(member => member.ToString()).Order(StringComparer.Ordinal));
    }

    private static byte[] Value(int i) => [1, 0, (byte)i, (byte)(i >> 8), 10, 13];

    private static double Score(int i) => 1_790_000_000_000d + i / 3;
}

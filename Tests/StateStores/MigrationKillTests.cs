using HiveMind.Configuration;
using HiveMind.Faults;
using HiveMind.Scheduling;
using HiveMind.Storage;
using HiveMind.Tasks;
using HiveMind.Tests.Processes;

namespace HiveMind.Tests.StateStores;

/// <summary>A migration dies as by kill -9 and is run again: either state store is whole, never both, never none.</summary>
public sealed class MigrationKillTests : IDisposable
{
    private static readonly string[] Nodes = ["a", "b", "ü"];
    private static readonly PendingTask[] Entries = [.. Enumerable.Range(0, 2500).Select(Entry)];
    private readonly string _data = Directory.CreateTempSubdirectory("hivemind-migrate-").FullName;

    [Theory]
    [InlineData(Failpoints.MigrateBegun)]
    [InlineData(Failpoints.MigrateCopying + ":200")]
    [InlineData(Failpoints.MigrateBeforeCommit)]
    [InlineData(Failpoints.MigrateAfterCommit)]
    public async Task Killed_OldStateStoreLivesOnAndIsMovedByTheNextRun(string failpoint)
    {
        using var redis = await RealRedis.Start("--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction");
        await Use("", Fill);
        await Die(failpoint, redis);
        if (!failpoint.StartsWith(Failpoints.MigrateAfterCommit, StringComparison.Ordinal))
        {
            Assert.Contains("half a copy", await RefusedLine(redis.ConnectionString), StringComparison.Ordinal);
        }

        await Use("", async stateStore =>
        {
            await stateStore.Nodes.Add("later");
            await ((EmbeddedStateStore)stateStore).Write(change =>
            {
                change.Remove(change.Find(State(7))!.Value);
                return true;
            });
        });
        if (failpoint == Failpoints.MigrateAfterCommit) Assert.Contains("behind its database", await RefusedLine(redis.ConnectionString), StringComparison.Ordinal);
        var report = await Migrate(redis);

        Assert.True(report.Copied);
        Assert.Contains($"was moved to the Redis at {redis.ConnectionString}", await RefusedLine(""), StringComparison.Ordinal);
        await Use(redis.ConnectionString, async stateStore =>
        {
            Assert.False(await stateStore.Redis.GetDatabase().KeyExistsAsync("hivemind/state/task/7/task"));
            await AssertFilled(stateStore, except: 7, "later");
        });
        Assert.False((await Migrate(redis)).Copied); // and again changes nothing
    }

    [Fact]
    public async Task KilledAfterTheCommit_ThenStartedOnRedis_OldStateStoreRefusesAndTheNextRunOnlyMarks()
    {
        using var redis = await RealRedis.Start("--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction");
        await Use("", Fill);
        await Die(Failpoints.MigrateAfterCommit, redis);
        await Use(redis.ConnectionString, stateStore => AssertFilled(stateStore));

        Assert.Contains("behind its database", await RefusedLine(""), StringComparison.Ordinal);
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
        await Use("", stateStore => AssertFilled(stateStore));
    }

    public void Dispose() => Directory.Delete(_data, recursive: true);

    private PoolOptions Options(string redis) => new() { DataDirectory = _data, Redis = new() { ConnectionString = redis } };

    private Task<MigrationReport> Migrate(RealRedis redis) => StateStoreMigration.Run(Options(""), redis.ConnectionString, TestContext.Current.CancellationToken);

    /// <summary>A start and a clean stop of the stores, which is what a state store sees of a silo.</summary>
    private async Task Use(string redis, Func<StateStore, Task> act)
    {
        await using var stores = await Stores.Open(Options(redis), acceptLostStateStore: false);
        await act(stores.StateStore);
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

    /// <summary>Everything that is stored, bytes that are no text, and more entries than one batch.</summary>
    private static async Task Fill(StateStore stateStore)
    {
        await stateStore.Unfinished.Add(Entries);
        await stateStore.Unfinished.Mark([.. Entries.Take(900).Select(entry => entry.TaskId)], "nöde");
        foreach (var node in Nodes) await stateStore.Nodes.Add(node);
        await ((EmbeddedStateStore)stateStore).Write(change =>
        {
            for (var i = 0; i < 500; i++) change.Put(State(i), Guid.NewGuid(), [0, 255, (byte)i]);
            return true;
        });
    }

    private static async Task AssertFilled(StateStore stateStore, int except = -1, params string[] more)
    {
        var found = new Dictionary<PendingTask, string?>();
        await foreach (var entry in stateStore.Unfinished.Scan()) found.Add(entry.Task, entry.MarkedNode);
        Assert.Equal(Entries.ToHashSet(), found.Keys.ToHashSet());
        Assert.All(Entries.Select((entry, i) => (entry, i)), pair => Assert.Equal(pair.i < 900 ? "nöde" : null, found[pair.entry]));
        var expected = Entries.Where(entry => entry.UserId == "ann").Select(entry => entry.TaskId).Reverse().ToList();
        Assert.Equal(expected, (await stateStore.Unfinished.Page("ann", null, 0, 5000)).Select(place => place.Key.TaskId));
        Assert.Equal(Entries.Length, (await stateStore.Unfinished.Page(null, null, 0, 5000)).Count);
        Assert.Equal(Nodes.Concat(more).Order(StringComparer.Ordinal), (await stateStore.Nodes.All()).Order(StringComparer.Ordinal));
        for (var i = 0; i < 500; i++)
        {
            if (i == except) continue;
            Assert.Equal(new byte[] { 0, 255, (byte)i }, await Data(stateStore, i));
        }
    }

    private static async Task<byte[]?> Data(StateStore stateStore, int i)
    {
        if (stateStore is EmbeddedStateStore embedded) return embedded.Readers.Read(reader => reader.Find(State(i)))?.Value;
        var state = (await stateStore.Redis.GetDatabase().HashGetAllAsync($"hivemind/state/task/{i}/task")).ToDictionary(entry => entry.Name.ToString(), entry => (byte[])entry.Value!);
        Assert.Equal(2, state.Count);
        return state["data"];
    }

    private static byte[] State(int i) => StateStoreLayout.Key($"s/task/{i}/task");

    private static PendingTask Entry(int i) => new(
        $"{i * 7919 % 256:x2}{i:x30}", i % 3 == 0 ? "ann" : "bö", "python", TaskPriority.Normal, new ResourceRequest(1000, 256, 0),
        DateTimeOffset.UnixEpoch.AddMilliseconds(1_790_000_000_000 + i), DateTimeOffset.UnixEpoch.AddDays(3));
}

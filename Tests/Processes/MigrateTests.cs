using System.Text.Json;
using Google.Protobuf;
using HiveMind.Protos;
using HiveMind.Tests.StateStores;

namespace HiveMind.Tests.Processes;

/// <summary>A pool that was used moves from its embedded state store to a Redis and goes on there.</summary>
public sealed class MigrateTests
{
    [Fact]
    public async Task Migrate_AUsedPool_GoesOnOnRedisAndTheOldStateStoreRefuses()
    {
        using var redis = await RealRedis.Start("--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction");
        using var pool = await new PoolProcess("Tasks:AllowNoop=true").Start();
        var user = await pool.NewUser("somebody");
        var worker = await pool.StartWorker(user, "first", "--allow-noop", "--unsandboxed");
        var ended = await Submit(pool, user, "1");
        Assert.Equal("completed", (await pool.WaitForEnd(ended, user)).Status);
        var requeued = await Submit(pool, user, "4000");
        await pool.WaitFor(requeued, user, status => status.State == TaskState.Running);
        await worker.Kill();
        worker.Dispose();
        await pool.WaitFor(requeued, user, status => status.State == TaskState.Pending && status.Attempts.Count == 1);
        string[] waiting = [await Submit(pool, user, "2"), await Submit(pool, user, "3")];
        var before = await List(pool, user);

        var (early, running) = await Migrate(pool, redis);
        Assert.Equal(SiloHost.StoreAway, early);
        Assert.Contains($"{pool.DataDirectory} is in use", running, StringComparison.Ordinal);
        await StartRefusalTests.Stop(pool);
        var (exitCode, output) = await Migrate(pool, redis);
        Assert.True(exitCode == 0, output);
        AssertAnswer(output, redis, pool);

        await AssertRefused(pool, redis);
        using var moved = await new PoolProcess("Tasks:AllowNoop=true", $"DataDirectory={pool.DataDirectory}", $"Redis:ConnectionString={redis.ConnectionString}").Start();
        Assert.Equal(before, await List(moved, user)); // by the session of before
        Assert.True((await moved.Master.GetTaskResultAsync(new() { TaskId = ended }, user.Metadata)).Success);
        foreach (var id in waiting) Assert.Equal(TaskState.Pending, (await moved.Status(id, user)).State);
        Assert.Single((await moved.Status(requeued, user)).Attempts);
        Assert.Equal("first", Assert.Single((await moved.Nodes.ListNodesAsync(new(), user.Metadata)).Nodes).NodeId);
        using var again = await moved.StartWorker(user, "first", "--allow-noop", "--unsandboxed");
        foreach (var id in waiting.Append(requeued)) Assert.Equal("completed", (await moved.WaitForEnd(id, user)).Status);
    }

    private static async Task<string> Submit(PoolProcess pool, Login user, string ms) => (await pool.Master.SubmitTaskAsync(
        new() { TaskType = "noop", TaskData = ByteString.CopyFromUtf8(ms), RequestId = ms }, user.Metadata)).TaskId;

    private static async Task<List<string>> List(PoolProcess pool, Login user) =>
        [.. (await pool.Master.ListTasksAsync(new() { PageSize = 100 }, user.Metadata)).Tasks.Select(task => task.TaskId)];

    private static async Task<(int ExitCode, string Output)> Migrate(PoolProcess pool, RealRedis redis)
    {
        using var process = HivemindProcess.Start(
            null, "migrate", "--json", "--to", redis.ConnectionString, $"--HiveMind:DataDirectory={pool.DataDirectory}");
        return (await process.Exited(TimeSpan.FromSeconds(60)), process.Output);
    }

    private static void AssertAnswer(string output, RealRedis redis, PoolProcess pool)
    {
        using var json = JsonDocument.Parse(output);
        var answer = json.RootElement;
        Assert.True(answer.GetProperty("copied").GetBoolean());
        Assert.Equal(redis.ConnectionString, answer.GetProperty("moved_to").GetString());
        Assert.EndsWith($" silo --HiveMind:Redis:ConnectionString={redis.ConnectionString} --HiveMind:DataDirectory={pool.DataDirectory}",
            answer.GetProperty("next").GetString(), StringComparison.Ordinal);
    }

    private static async Task AssertRefused(PoolProcess pool, RealRedis redis)
    {
        using var silo = HivemindProcess.Start(
            null, "silo", "--HiveMind:Grpc:Port=0", "--HiveMind:Http:Port=0", $"--HiveMind:DataDirectory={pool.DataDirectory}");
        Assert.Equal(SiloHost.BadConfiguration, await silo.Exited(TimeSpan.FromSeconds(60)));
        var line = Assert.Single(silo.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        Assert.Contains($"was moved to the Redis at {redis.ConnectionString}", line, StringComparison.Ordinal);
    }
}

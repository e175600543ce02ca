using Google.Protobuf;
using Grpc.Core;
using HiveMind.Protos;
using HiveMind.Rewards;
using HiveMind.Scheduling;
using HiveMind.Tests.StateStores;
using Microsoft.Data.Sqlite;

namespace HiveMind.Tests.Processes;

/// <summary>kill -9 of the hub and of its Redis under work: nothing acknowledged is lost, nothing is paid twice.</summary>
public sealed class KillTests
{
    private const int Tasks = 200;

    /// <summary>The tests ask for every task's status again and again; the limit is tested elsewhere.</summary>
    private const string Unhurried = "RateLimit:Burst=100000";

    private static readonly RewardRates Rates = RewardRates.From(new RewardOptions());

    [Fact]
    public async Task SiloKilled_200AcknowledgedTasks_EachEndsOnceAndIsPaidOnce()
    {
        using var pool = await new PoolProcess(Unhurried).Start();
        await RunThroughKill(pool, async () =>
        {
            await pool.Kill();
            await pool.Start();
        });
    }

    [Fact]
    public async Task RedisKilled_200AcknowledgedTasks_EachEndsOnceAndIsPaidOnce()
    {
        using var redis = await RealRedis.Start("--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction");
        using var pool = await new PoolProcess($"Redis:ConnectionString={redis.ConnectionString}", Unhurried).Start();
        await RunThroughKill(pool, async () =>
        {
            redis.Kill();
            await redis.Restart();
        });
    }

    [Fact]
    public async Task SiloKilledAndNodeNeverBack_TimerOff_TheReminderAloneBringsItsTasksElsewhere()
    {
        using var pool = await new PoolProcess("Tasks:AllowNoop=true", "Nodes:LivenessTimer=false").Start();
        var lender = await pool.NewUser("lender");
        using var gone = await pool.StartWorker(lender, "gone", "--allow-noop", "--unsandboxed");
        var task = await pool.Master.SubmitTaskAsync(new() { TaskType = "noop", TaskData = ByteString.CopyFromUtf8("3600000") }, lender.Metadata);
        await pool.WaitFor(task.TaskId, lender, status => status.State == TaskState.Running);

        await Task.WhenAll(gone.Kill(), pool.Kill());
        await pool.Start();
        using var other = await pool.StartWorker(lender, "other", "--allow-noop", "--unsandboxed");
        var again = await pool.WaitFor(task.TaskId, lender, status => status.Attempt == 2 && status.State == TaskState.Running, 90);

        Assert.Equal("other", again.AssignedNode);
        Assert.Equal("NODE_LOST", again.Attempts[0].Cause);
        Assert.Equal("offline", (await pool.Nodes.GetNodeInfoAsync(new() { NodeId = "gone" }, lender.Metadata)).Node.Status);
    }

    [Fact]
    public async Task Sigterm_RedisIsGone_EndsAllTheSame()
    {
        using var redis = await RealRedis.Start("--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction");
        using var pool = await new PoolProcess($"Redis:ConnectionString={redis.ConnectionString}").Start();
        await pool.NewUser("somebody");
        redis.Kill();

        pool.Terminate();

        await pool.Exited(TimeSpan.FromSeconds(60));
    }

    private static async Task RunThroughKill(PoolProcess pool, Func<Task> kill)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/python3"), "python3 is not installed");
        var lender = await pool.NewUser("lender");
        var sender = await pool.NewUser("sender");
        using var one = await pool.StartWorker(lender, "one", "--cores", "4", "--unsandboxed");
        using var two = await pool.StartWorker(lender, "two", "--cores", "4", "--unsandboxed");
        var program = ByteString.CopyFromUtf8("import os, time\nprint(os.environ['HIVEMIND_ATTEMPT'])\ntime.sleep(0.3)");
        var ids = await Task.WhenAll(Enumerable.Range(0, Tasks).Select(async i => (await pool.Master.SubmitTaskAsync(new()
        {
            TaskType = "python", TaskData = program, RequestId = $"r{i}", Requirements = new() { CpuCores = 1, MemoryMb = 128, TimeoutSeconds = 60 },
        }, sender.Metadata)).TaskId));
        Assert.Equal(Tasks, ids.Distinct().Count());
        await Wait.Until(async () => await CountRunning(pool, ids, sender) >= 4, TimeSpan.FromSeconds(60), () => $"never 4 at once\n{pool.Output}");

        await kill();

        var ended = new List<GetTaskStatusResponse>();
        foreach (var id in ids) ended.Add(await pool.WaitForEnd(id, sender, 150));
        Assert.All(ended, status => Assert.True(status.Status == "completed", $"{status.TaskId} {status.State} {status.Reason} {status.ErrorMessage}"));
        foreach (var status in ended)
        {
            var result = await pool.Master.GetTaskResultAsync(new() { TaskId = status.TaskId }, sender.Metadata);
            Assert.Equal($"{status.Attempt}\n", result.Result.ToStringUtf8());
            Assert.Single(status.Attempts, attempt => attempt.Cause == "COMPLETED");
        }

        await AssertPostings(pool, ended, lender.UserId, sender);
    }

    private static async Task<int> CountRunning(PoolProcess pool, string[] ids, Login user) =>
        (await Task.WhenAll(ids.Select(id => pool.Status(id, user)))).Count(status => status.State == TaskState.Running);

    /// <summary>Exactly one pair for each paid attempt, with the amount that follows from its recorded run time, and all sum to 0.</summary>
    internal static async Task AssertPostings(PoolProcess pool, IReadOnlyList<GetTaskStatusResponse> ended, string payee, Login payer, bool only = false)
    {
        var paid = ended.Count(status => status.CostCredits > 0);
        // Where others' tasks are in the same database too, only these count.
        var asked = ended.Select(status => status.TaskId).ToHashSet();
        List<(string TaskId, string Account, long Micros)> Counted() => [.. Postings(pool).Where(posting => !only || asked.Contains(posting.TaskId))];
        await Wait.Until(() => Counted().Count == paid * 2, TimeSpan.FromSeconds(75), () => $"{Counted().Count} postings for {paid} paid tasks");
        var postings = Counted();
        foreach (var status in ended)
        {
            var pair = postings.Where(posting => posting.TaskId == status.TaskId).ToList();
            if (only && status.CostCredits == 0)
            {
                Assert.Empty(pair);
                continue;
            }
            var attempt = status.Attempts.Single(one => one.CostCredits > 0);
            var due = RewardFormula.Micros(
                new ResourceRequest((int)(status.Requirements.CpuCores * 1000), (int)status.Requirements.MemoryMb, 0), attempt.RunMs, Rates);
            Assert.Equal([(payer.UserId, -due), (payee, due)], pair.Select(posting => (posting.Account, posting.Micros)).OrderBy(posting => posting.Micros));
        }

        using var database = new SqliteConnection($"Data Source={Path.Combine(pool.DataDirectory, "books.db")};Mode=ReadOnly");
        database.Open();
        using var sum = database.CreateCommand();
        sum.CommandText = "SELECT SUM(micros) FROM postings";
        Assert.Equal(0L, sum.ExecuteScalar());
    }

    private static List<(string TaskId, string Account, long Micros)> Postings(PoolProcess pool)
    {
        using var database = new SqliteConnection($"Data Source={Path.Combine(pool.DataDirectory, "books.db")};Mode=ReadOnly");
        database.Open();
        using var query = database.CreateCommand();
        query.CommandText = "SELECT task_id, account_id, micros FROM postings WHERE kind = 'reward'";
        using var rows = query.ExecuteReader();
        var postings = new List<(string, string, long)>();
        while (rows.Read()) postings.Add((rows.GetString(0), rows.GetString(1), rows.GetInt64(2)));
        return postings;
    }
}

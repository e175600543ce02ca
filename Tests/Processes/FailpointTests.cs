using System.Diagnostics;
using Google.Protobuf;
using Grpc.Core;
using HiveMind.Faults;
using HiveMind.Protos;

namespace HiveMind.Tests.Processes;

/// <summary>
/// At every arrow of the commit table the hub dies as by kill -9, once, while a user does what users do; started again on the same
/// data, the same story ends as if nothing had happened.
/// </summary>
public abstract class FailpointStory
{
    protected static async Task Tell(string failpoint)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/python3"), "python3 is not installed");
        var losesNode = failpoint is Failpoints.LostAfterEpoch or Failpoints.LostAfterAttempt;
        using var pool = failpoint is Failpoints.EraseAfterKept or Failpoints.EraseAfterStateStore
            ? new PoolProcess("Tasks:AllowNoop=true", "Tasks:RetainEnded=00:00:10") : new PoolProcess("Tasks:AllowNoop=true");
        await pool.Start(failpoint);
        var hub = new Survivor(pool);

        var lender = await hub.NewUser("lender");
        var sender = await hub.NewUser("sender");
        var first = await hub.Do(() => pool.Nodes.RegisterNodeAsync(
            new() { NodeId = "first", Capabilities = new() { CpuCores = 4, MemoryMb = 4096 } }, lender.Metadata).ResponseAsync);
        using var worker = new WorkerProcess(pool, "first", first.NodeToken, ["--allow-noop", "--unsandboxed"]);
        var ids = new List<string>();
        if (losesNode)
        {
            ids.Add(await hub.Submit(sender, "noop", "2000", "long"));
            await hub.WaitFor(ids[0], sender, status => status.State == TaskState.Running);
            await worker.Kill();
        }

        using var second = losesNode ? await pool.StartWorker(lender, "second", "--allow-noop", "--unsandboxed") : null;
        for (var i = 0; i < 5; i++) ids.Add(await hub.Submit(sender, "noop", "300", $"noop-{i}"));
        ids.Add(await hub.Submit(sender, "python", "print('x' * 10000)", "python"));
        var ended = new List<GetTaskStatusResponse>();
        foreach (var id in ids) ended.Add(await hub.WaitFor(id, sender, status => status.Status is "completed" or "failed"));

        await Wait.Until(async () => hub.Deaths == 1 || await hub.Restarted(), TimeSpan.FromSeconds(20), () => $"{failpoint} was never passed\n{pool.Output}");
        Assert.All(ended, status => Assert.True(status.Status == "completed", $"{status.Reason} {status.ErrorMessage}"));
        Assert.Equal(ids.Count, ids.Distinct().Count());
        var result = await hub.Do(() => pool.Master.GetTaskResultAsync(new() { TaskId = ids[^1] }, sender.Metadata).ResponseAsync);
        Assert.Equal(10_001, result.Result.Length);
        Assert.Equal(ids.Order(), (await hub.List(sender)).Order());
        await KillTests.AssertPostings(pool, ended, lender.UserId, sender);
        await Wait.Until(async () =>
        {
            var stats = await hub.Do(() => pool.Master.GetSystemStatsAsync(new(), sender.Metadata).ResponseAsync);
            return stats is { PendingTasks: 0, RunningTasks: 0 };
        }, TimeSpan.FromSeconds(75), () => $"half-done steps are left\n{pool.Output}");
    }

    /// <summary>A client that tries again, and an operator who starts the hub again when it died.</summary>
    private sealed class Survivor(PoolProcess pool)
    {
        public int Deaths { get; private set; }

        public async Task<bool> Restarted()
        {
            if (!pool.Process.HasExited) return false;
            Deaths++;
            await pool.Start();
            return true;
        }

        public async Task<T> Do<T>(Func<Task<T>> call)
        {
            var patience = Stopwatch.StartNew();
            while (true)
            {
                try
                {
                    return await call();
                }
                catch (RpcException away) when (away.StatusCode is StatusCode.Unavailable or StatusCode.Internal && patience.Elapsed < TimeSpan.FromSeconds(30))
                {
                    if (!await Restarted()) await Task.Delay(100);
                }
            }
        }

        public async Task<Login> NewUser(string name)
        {
            try
            {
                await Do(() => pool.Users.RegisterUserAsync(
                    new() { Username = name, Password = "correct horse battery", Email = $"{name}@example.org" }).ResponseAsync);
            }
            catch (RpcException taken) when (taken.StatusCode == StatusCode.AlreadyExists)
            {
                Assert.Equal(1, Deaths); // committed, but the answer died with the hub
            }

            return await Do(() => pool.LogIn(name));
        }

        public async Task<string> Submit(Login user, string type, string data, string requestId) => (await Do(() => pool.Master.SubmitTaskAsync(new()
        {
            TaskType = type, TaskData = ByteString.CopyFromUtf8(data), RequestId = requestId, Requirements = new() { CpuCores = 0.5, MemoryMb = 128 },
        }, user.Metadata).ResponseAsync)).TaskId;

        public async Task<List<string>> List(Login user)
        {
            var ids = new List<string>();
            var request = new ListTasksRequest { PageSize = 2 };
            do
            {
                var page = await Do(() => pool.Master.ListTasksAsync(request, user.Metadata).ResponseAsync);
                ids.AddRange(page.Tasks.Select(task => task.TaskId));
                request.PageToken = page.NextPageToken;
            }
            while (request.PageToken.Length > 0);
            return ids;
        }

        public async Task<GetTaskStatusResponse> WaitFor(string id, Login user, Func<GetTaskStatusResponse, bool> satisfied)
        {
            GetTaskStatusResponse? last = null;
            await Wait.Until(async () => satisfied(last = await Do(() => pool.Status(id, user))), TimeSpan.FromSeconds(90),
                () => $"{id} is {last?.State} {last?.Reason} {last?.ReasonText}\n{pool.Output}");
            return last!;
        }
    }
}

public sealed class AccountAndSubmitFailpointTests : FailpointStory
{
    public static TheoryData<string> Points => [.. Failpoints.All.Where(name => !name.StartsWith("end.", StringComparison.Ordinal) && !name.StartsWith("erase.", StringComparison.Ordinal)
        && !name.StartsWith("lost.", StringComparison.Ordinal) && !name.StartsWith("assign.", StringComparison.Ordinal))];

    [Theory, MemberData(nameof(Points))]
    public Task Died_AtThisPoint_TheStoryEndsTheSame(string failpoint) => Tell(failpoint);
}

public sealed class RunFailpointTests : FailpointStory
{
    public static TheoryData<string> Points => [.. Failpoints.All.Except(AccountAndSubmitFailpointTests.Points.Select(row => row.Data)).Except(EraseFailpointTests.Points.Select(row => row.Data))];

    [Theory, MemberData(nameof(Points))]
    public Task Died_AtThisPoint_TheStoryEndsTheSame(string failpoint) => Tell(failpoint);
}

public sealed class EraseFailpointTests : FailpointStory
{
    public static TheoryData<string> Points => [Failpoints.EraseAfterKept, Failpoints.EraseAfterStateStore];

    [Theory, MemberData(nameof(Points))]
    public Task Death_AtAStepOfForgettingAnEndedTask_LosesNothing(string failpoint) => Tell(failpoint);
}

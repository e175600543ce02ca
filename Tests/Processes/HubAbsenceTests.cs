using System.Diagnostics;
using Google.Protobuf;
using HiveMind.Protos;

namespace HiveMind.Tests.Processes;

/// <summary>A real hub that stands still, or is away, longer than a worker waits: the runs that this costs cost their tasks nothing.</summary>
public sealed class HubAbsenceTests
{
    private static readonly string[] ShortLeases =
        ["Tasks:AllowNoop=true", "Nodes:HeartbeatInterval=00:00:01", "Nodes:HeartbeatTimeout=00:00:04", "Tasks:LeaseDuration=00:00:06"];

    [Fact]
    public async Task HubStopped_LongerThanItsLease_ThreeTimes_NoAttemptCounts()
    {
        using var pool = await new PoolProcess(ShortLeases).Start();
        var lender = await pool.NewUser("lender");
        using var worker = await pool.StartWorker(lender, "one", "--allow-noop", "--unsandboxed");
        var task = await Submit(pool, lender, 40_000, new() { MaxAttempts = 1 });
        for (var freeze = 0; freeze < 3; freeze++)
        {
            await pool.WaitFor(task, lender, status => status.State == TaskState.Running);
            var before = (await pool.Status(task, lender)).Attempt;
            await Signal(pool.Process, "-STOP");
            await Task.Delay(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken); // what is tested is that this time goes by
            await Signal(pool.Process, "-CONT");
            // One more, or two: what is granted on the connection that its worker has just given up is given up as well.
            await pool.WaitFor(task, lender, status => status.Attempt > before && status.State == TaskState.Running);
        }

        var running = await pool.Status(task, lender);
        Assert.Equal("", running.Reason);
        Assert.InRange(running.Attempts.Count, 4, 7);
        // It has one attempt that counts, and runs: none of the others counted. Those that were never handed over were no run that was lost.
        var lost = running.Attempts.SkipLast(1).ToArray();
        Assert.All(lost.Where(attempt => attempt.StartedAt.Length > 0), attempt => Assert.Equal("HUB_AWAY", attempt.Cause));
        Assert.True(lost.Count(attempt => attempt.Cause == "HUB_AWAY") >= 3, string.Join(' ', lost.Select(attempt => attempt.Cause)));
        Assert.Equal("", running.Attempts[^1].Cause);
    }

    [Fact]
    public async Task HubKilled_BackAfterTheWorkersLease_TheRunBeginsAnewAsAnotherAttemptWithItsWholeTime()
    {
        using var pool = await new PoolProcess(ShortLeases).Start();
        var lender = await pool.NewUser("lender");
        using var worker = await pool.StartWorker(lender, "one", "--allow-noop", "--unsandboxed");
        // It needs most of its limit: begun again on the old clock it would be stopped.
        var task = await Submit(pool, lender, 15_000, new() { MaxAttempts = 1 }, timeoutSeconds: 18);
        await pool.WaitFor(task, lender, status => status.State == TaskState.Running);

        await pool.Kill();
        await Task.Delay(TimeSpan.FromSeconds(8), TestContext.Current.CancellationToken); // the worker's lease runs out meanwhile
        await pool.Start();

        var ended = await pool.WaitForEnd(task, lender, 120);
        Assert.Equal(("completed", 2), (ended.Status, ended.Attempt));
        Assert.Equal(["HUB_AWAY", "COMPLETED"], ended.Attempts.Select(attempt => attempt.Cause));
    }

    private static async Task<string> Submit(PoolProcess pool, Login sender, int milliseconds, TaskRetry retry, int timeoutSeconds = 300) =>
        (await pool.Master.SubmitTaskAsync(new()
        {
            TaskType = "noop", TaskData = ByteString.CopyFromUtf8($"{milliseconds}"), Retry = retry,
            Requirements = new() { CpuCores = 1, MemoryMb = 64, TimeoutSeconds = timeoutSeconds },
        }, sender.Metadata)).TaskId;

    private static async Task Signal(Process process, string signal)
    {
        using var kill = Process.Start("kill", [signal, $"{process.Id}"]);
        await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
    }
}

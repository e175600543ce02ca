using Google.Protobuf;
using HiveMind.Protos;
using HiveMind.Tests.Clustering;

namespace HiveMind.Tests.Processes;

/// <summary>A worker whose line is cut for longer than the pool's lease.</summary>
public sealed class CutWorkerTests
{
    [Fact]
    public async Task CutForLongerThanThePoolsLease_ATaskWithALeaseOfItsOwnGoesOn_AnotherIsRunAgain()
    {
        using var pool = await new PoolProcess("Tasks:AllowNoop=true").Start(); // a lease of 3 s
        using var line = new FreezingProxy(new Uri(pool.Address).Port);
        var owner = await pool.NewUser("owner");
        using var worker = await pool.StartWorker(owner, "far", "--hub", $"http://{line.ConnectionString}", "--allow-noop", "--unsandboxed");
        var (patient, usual) = (await Submit(60), await Submit(0));
        await pool.WaitFor(patient, owner, status => status.State == TaskState.Running);
        await pool.WaitFor(usual, owner, status => status.State == TaskState.Running);

        line.Cut();
        await pool.WaitFor(usual, owner, status => status.Attempts[0].Cause == "NODE_LOST");
        var silent = await pool.Status(patient, owner);
        Assert.Equal(("running", "NODE_SILENT", 1, 60), (silent.Status, silent.Reason, silent.Attempt, silent.LeaseSeconds));
        Assert.Contains("is kept until", silent.ReasonText, StringComparison.Ordinal);
        line.Join();

        var ended = await pool.WaitForEnd(patient, owner);
        Assert.Equal(("completed", 1), (ended.Status, ended.Attempts.Count));
        await pool.WaitFor(usual, owner, status => status.Attempts.Count == 2); // and on the same machine

        async Task<string> Submit(int leaseSeconds) => (await pool.Master.SubmitTaskAsync(new()
        {
            TaskType = "noop", TaskData = ByteString.CopyFromUtf8("8000"), LeaseSeconds = leaseSeconds, Requirements = new() { CpuCores = 1, MemoryMb = 16 },
        }, owner.Metadata)).TaskId;
    }
}

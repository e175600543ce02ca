using Google.Protobuf;

namespace HiveMind.Tests.Processes;

public sealed class FirstTaskTests
{
    [Fact]
    public async Task Submit_Noop_RunsOnARealWorkerAndIsPaid()
    {
        using var pool = await new PoolProcess("Tasks:AllowNoop=true").Start();
        var lender = await pool.NewUser("lender");
        var sender = await pool.NewUser("sender");
        using var worker = await pool.StartWorker(lender, "n1", "--allow-noop", "--unsandboxed");

        var task = await pool.Master.SubmitTaskAsync(new() { TaskType = "noop", TaskData = ByteString.CopyFromUtf8("200") }, sender.Metadata);
        var ended = await pool.WaitForEnd(task.TaskId, sender);

        Assert.Equal("completed", ended.Status);
        Assert.True(ended.CostCredits > 0);
        await Wait.Until(async () => (await pool.Users.GetUserInfoAsync(new(), lender.Metadata)).User.BalanceCredits > 1000,
            TimeSpan.FromSeconds(10), () => "the lender was not paid");
    }
}

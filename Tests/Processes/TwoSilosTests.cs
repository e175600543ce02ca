using Google.Protobuf;
using Grpc.Core;
using HiveMind.Protos;
using HiveMind.Tests.StateStores;

namespace HiveMind.Tests.Processes;

/// <summary>Two silos as a small installation runs them: one Redis, one database file, one files directory.</summary>
public sealed class TwoSilosTests
{
    [Fact]
    public async Task Submit_AtEachOfTwoSilos_IsSeenAndFinishedThroughTheOther()
    {
        using var redis = await RealRedis.Start("--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction");
        var shared = Directory.CreateTempSubdirectory("hivemind-shared-").FullName;
        string[] settings =
        [
            $"Redis:ConnectionString={redis.ConnectionString}", $"Books:ConnectionString=Data Source={Path.Combine(shared, "books.db")}",
            $"Files:Directory={Path.Combine(shared, "files")}", "Tasks:AllowNoop=true",
        ];
        try
        {
            using var one = await new PoolProcess(settings).Start();
            using var two = await new PoolProcess(settings).Start();
            var lender = await one.NewUser("lender");
            var again = await two.LogIn("lender");
            using var worker = await one.StartWorker(lender, "first", "--allow-noop", "--unsandboxed");
            using var other = await two.StartWorker(again, "second", "--allow-noop", "--unsandboxed");
            await SubmitAndFinish(one, two, lender);
            await SubmitAndFinish(two, one, lender);
            await Wait.Until(async () => (await two.Nodes.ListNodesAsync(new(), lender.Metadata)).Nodes.Count == 2,
                TimeSpan.FromSeconds(10), () => "a silo does not list the node of the other");

            await one.Kill();

            var id = "";
            await Wait.Until(async () => (id = await SubmitIfAnswered(two, again)).Length > 0, TimeSpan.FromSeconds(60), () => "the other silo takes no work");
            Assert.Equal("completed", (await two.WaitForEnd(id, again, 90)).Status);
        }
        finally
        {
            Directory.Delete(shared, recursive: true);
        }
    }

    /// <summary>Empty while the grains of the dead silo are still looked for there; the request id makes trying again safe.</summary>
    private static async Task<string> SubmitIfAnswered(PoolProcess pool, Login user)
    {
        try
        {
            var request = new SubmitTaskRequest { TaskType = "noop", TaskData = ByteString.CopyFromUtf8("1"), RequestId = "after the death" };
            return (await pool.Master.SubmitTaskAsync(request, user.Metadata)).TaskId;
        }
        catch (RpcException away) when (away.StatusCode == StatusCode.Unavailable)
        {
            return "";
        }
    }

    /// <summary>More tasks than one node has room for, so that both work.</summary>
    private static async Task SubmitAndFinish(PoolProcess here, PoolProcess there, Login user)
    {
        var large = ByteString.CopyFrom([.. Enumerable.Repeat((byte)' ', 50_000), (byte)'9']); // above what a record holds: in the shared files
        var ids = await Task.WhenAll(Enumerable.Range(0, 8).Select(async i =>
            (await here.Master.SubmitTaskAsync(new() { TaskType = "noop", TaskData = large, RequestId = $"{here.Address} {i}" }, user.Metadata)).TaskId));
        var listed = (await there.Master.ListTasksAsync(new() { PageSize = 500 }, user.Metadata)).Tasks.Select(task => task.TaskId).ToList();
        Assert.Empty(ids.Except(listed)); // just submitted at the other silo
        Assert.Equal(listed.Count, listed.Distinct().Count());
        foreach (var id in ids)
        {
            Assert.Equal("completed", (await there.WaitForEnd(id, user)).Status);
            Assert.True((await there.Master.GetTaskResultAsync(new() { TaskId = id }, user.Metadata)).Success);
        }
    }
}

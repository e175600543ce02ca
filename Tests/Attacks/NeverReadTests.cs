using Google.Protobuf;
using HiveMind.Benchmarks;
using HiveMind.Protos;
using HiveMind.Tests.Gateway;
using HiveMind.Tests.Processes;

namespace HiveMind.Tests.Attacks;

/// <summary>A real silo with the product's own limits.</summary>
public sealed class PlainPool() : SharedPool("Tasks:AllowNoop=true", "RateLimit:RequestsPerSecond=200", "RateLimit:Burst=400");

/// <summary>Answers that are asked for and never read.</summary>
public sealed class NeverReadTests(PlainPool pool) : IClassFixture<PlainPool>
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Answers_ThatAreNeverRead_HoldLittleAndOthersAreServed()
    {
        var (somebody, beside) = (await pool.Pool.NewUser("never-reads"), await pool.Pool.NewUser("reads"));
        var token = AttackedPool.TokenOf(somebody.Metadata);
        var (result, download) = await WithLargeOutputs(somebody);
        Assert.Equal(0, await BulkStream.Submit(pool.Pool.Master, somebody.Metadata, 300, _ => LentMachine.Noop()));
        var readers = new List<SilentReader>();
        var before = ProcessMemory.ResetPeakKb(pool.Pool.Process) / 1024;
        try
        {
            for (var i = 0; i < 16; i++)
            {
                var reader = await SilentReader.Connect(pool.Pool.Address, i % 2 == 0 ? 0 : 65_535);
                readers.Add(reader);
                for (var call = 0; call < 50; call++)
                {
                    if (i < 8) await reader.Open("/nodepool.MasterNodeService/ListTasks", token, new ListTasksRequest { PageSize = 300 });
                    else if (i < 12) await reader.Open("/nodepool.MasterNodeService/GetTaskResult", token, new GetTaskResultRequest { TaskId = result });
                    else await reader.Open("/nodepool.MasterNodeService/DownloadResult", token, new DownloadResultRequest { TaskId = download });
                }

                Assert.Equal(beside.UserId, (await pool.Pool.Users.GetUserInfoAsync(new(), beside.Metadata)).User.UserId);
            }

            // All but the few that wait for room.
            await Wait.Until(() => Told(readers) >= readers.Sum(r => r.Opened) - 3 * HiveMind.Edge.ByteBudget.MostWaitingPerPayer, Patience,
                () => $"{Told(readers)} of {readers.Sum(r => r.Opened)} were answered, refused or cut");
            Assert.True(readers.Sum(r => r.Refused) > 0);
            Assert.Equal(0, await BulkStream.Submit(pool.Pool.Master, beside.Metadata, 50, _ => LentMachine.Noop()));
            Assert.Equal(50, (await pool.Pool.Master.ListTasksAsync(new() { PageSize = 100 }, beside.Metadata)).Tasks.Count);
        }
        finally
        {
            foreach (var reader in readers) reader.Dispose();
        }

        Assert.InRange(ProcessMemory.PeakKb(pool.Pool.Process) / 1024 - before, long.MinValue, 300); // 9,000 MiB of answers were asked for
    }

    private static int Told(IEnumerable<SilentReader> readers) => readers.Sum(reader => reader.Answering + reader.Refused + reader.Cut);

    /// <summary>Two tasks of that account that have ended: one with as much output as an answer holds, one with more.</summary>
    private async Task<(string Result, string Download)> WithLargeOutputs(Login user)
    {
        await using var machine = await LentMachine.Lend(pool.Pool.Channel, user.Metadata, $"machine-{user.Name}", types: "noop");
        var tasks = new string[2];
        for (var i = 0; i < 2; i++)
        {
            tasks[i] = (await pool.Pool.Master.SubmitTaskAsync(LentMachine.Noop(), user.Metadata)).TaskId;
            Assignment? given = null;
            await Wait.Until(() => machine.Given.TryDequeue(out given), Patience, () => $"nothing was given: {machine.Ended}");
            await machine.Complete(given!, i == 0 ? 3_500_000 : 40_000_000);
            Assert.Equal("completed", (await pool.Pool.WaitForEnd(tasks[i], user)).Status);
        }

        await pool.Pool.Nodes.UnregisterNodeAsync(new() { NodeId = machine.NodeId }, user.Metadata);
        return (tasks[0], tasks[1]);
    }
}

using System.Text.RegularExpressions;
using Google.Protobuf;
using Grpc.Core;
using HiveMind.Tests.Processes;

namespace HiveMind.Tests.Monitoring;

public sealed class FaultPool() : SharedPool("Tasks:AllowNoop=true", "RateLimit:RequestsPerSecond=100", "RateLimit:Burst=100");

/// <summary>What goes wrong shows in the figures: the alerts rest on them.</summary>
public sealed partial class FaultFiguresTests(FaultPool shared) : IClassFixture<FaultPool>
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Worker_Killed_ShowsAsLostNodeAndTaskThatWaitsAgain()
    {
        var pool = shared.Pool;
        var lender = await pool.NewUser("lender");
        using var worker = await pool.StartWorker(lender, "dies", "--allow-noop", "--unsandboxed");
        var task = (await pool.Master.SubmitTaskAsync(
            new() { TaskType = "noop", TaskData = ByteString.CopyFromUtf8("60000") }, lender.Metadata)).TaskId;
        await Shows(figures => figures.Sum("hivemind_attempts_started_total") == 1 && figures.Sum("hivemind_tasks_running") == 1
            && figures.Sum("hivemind_nodes", "state=\"offline\"") == 0 && figures.Sum("hivemind_capacity_cpu") > figures.Sum("hivemind_capacity_cpu_free"));

        await worker.Kill();

        await Shows(figures => figures.Sum("hivemind_nodes_lost_total", "cause=\"NODE_LOST\"") == 1 && figures.Sum("hivemind_tasks_retried_total", "cause=\"NODE_LOST\"") == 1
            && figures.Sum("hivemind_nodes", "state=\"offline\"") == 1 && figures.Sum("hivemind_nodes", "state=\"online\"") == 0
            && figures.Sum("hivemind_capacity_cpu") == 0 && figures.Sum("hivemind_tasks_running") == 0 && figures.Sum("hivemind_queue_depth") == 1
            && figures.Sum("hivemind_worker_streams") == 0);

        var late = new Protos.ReportTaskRequest { Report = new() { TaskId = task, Attempt = 1, Kind = Protos.TaskReportKind.Ended } };
        Assert.Equal(StatusCode.Aborted, (await Refusal.Of(pool.Nodes.ReportTaskAsync(late, PoolProcess.Bearer(worker.Token)))).Code);
        await Shows(figures => figures.Sum("hivemind_reports_stale_total") == 1);

        await pool.Master.CancelTaskAsync(new() { TaskId = task }, lender.Metadata);
        await Shows(figures => figures.Sum("hivemind_tasks_ended_total", "state=\"cancelled\"") == 1 && figures.Sum("hivemind_queue_depth") == 0);
    }

    [Fact]
    public async Task Login_Wrong_IsCounted()
    {
        await Refusal.Of(shared.Pool.Users.LoginUserAsync(new() { Username = "nobody", Password = "wrong horse battery" }));

        await Shows(figures => figures.Sum("hivemind_logins_total", "outcome=\"refused\"") >= 1
            && figures.Sum("rpc_server_call_duration_seconds_count", "UserService/LoginUser\",rpc_response_status_code=\"UNAUTHENTICATED\"") >= 1);
    }

    [Fact]
    public async Task Calls_TooMany_AreCounted()
    {
        var flooder = await shared.Pool.NewUser("flooder");
        await Shows(async figures =>
        {
            await Task.WhenAll(Enumerable.Range(0, 300).Select(async _ =>
            {
                try
                {
                    await shared.Pool.Users.GetUserInfoAsync(new(), flooder.Metadata);
                }
                catch (RpcException refused)
                {
                    Assert.Equal(StatusCode.ResourceExhausted, refused.StatusCode);
                }
            }));
            return figures.Sum("hivemind_calls_rate_limited_total") > 0;
        });
    }

    private Task Shows(Func<Scrape, bool> expected) => Shows(figures => Task.FromResult(expected(figures)));

    private async Task Shows(Func<Scrape, Task<bool>> expected)
    {
        Scrape? last = null;
        await Wait.Until(async () => await expected(last = await Scrape.Of(Pages().Match(shared.Pool.Output).Groups[1].Value)), Patience,
            () => string.Join('\n', last!.Text.Split('\n').Where(line => line.StartsWith("hivemind_", StringComparison.Ordinal) && !line.Contains("_bucket", StringComparison.Ordinal))));
    }

    [GeneratedRegex(@"health +(http://\S+)/readyz")]
    private static partial Regex Pages();
}

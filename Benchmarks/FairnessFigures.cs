using System.Globalization;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using HiveMind.Protos;
using Hub = HiveMind.Protos.MasterNodeService.MasterNodeServiceClient;

namespace HiveMind.Benchmarks;

/// <summary>
/// What waiting accounts see of a real pool with one machine, by the hub's own times: a modest account beside one that fills the queue at the highest priority, a task as
/// large as the machine under a stream of small ones, and a low priority under a stream of urgent ones.
/// </summary>
internal sealed class FairnessFigures : BenchHub
{
    private const double Machine = 2;

    public static async Task<int> Run()
    {
        using var figures = new FairnessFigures();
        await figures.Measure();
        return 0;
    }

    private async Task Measure()
    {
        var (_, address) = await StartSilo("--HiveMind:Scheduling:AgingStep=00:00:05");
        using var channel = GrpcChannel.ForAddress(address);
        var hub = new Hub(channel);
        var (_, lender) = await NewUser(channel, "lender");
        var (_, greedy) = await NewUser(channel, "greedy");
        var (_, modest) = await NewUser(channel, "modest");
        await StartWorker(channel, lender, address, 0);

        await BulkStream.Submit(hub, greedy, 1000, _ => Second(Machine / 4, TaskPriority.Urgent));
        await Task.Delay(TimeSpan.FromSeconds(3));
        var waits = await Stream(hub, modest, TimeSpan.FromSeconds(1), 30, () => Second(Machine / 4, TaskPriority.Normal));
        Say("one a second beside 1,000 urgent ones of another, room for 4", await Waits(hub, modest, waits));
        await CancelAll(hub, greedy);

        using var stop = new CancellationTokenSource();
        var small = Flood(hub, greedy, 20, () => Second(Machine / 16, TaskPriority.Normal), stop.Token);
        await Task.Delay(TimeSpan.FromSeconds(5));
        var big = new List<string>();
        for (var i = 0; i < 5; i++)
        {
            big.AddRange(await Stream(hub, modest, TimeSpan.Zero, 1, () => Second(Machine, TaskPriority.Normal)));
            await Ended(hub, modest, big[^1]);
        }

        Say("as large as the machine, one after another, under 20 small ones a second, room for 16", await Waits(hub, modest, big));
        await stop.CancelAsync();
        await small;
        await CancelAll(hub, greedy);

        using var enough = new CancellationTokenSource();
        var urgent = Flood(hub, greedy, 6, () => Second(Machine / 4, TaskPriority.Urgent), enough.Token);
        await Task.Delay(TimeSpan.FromSeconds(5));
        var low = await Stream(hub, greedy, TimeSpan.FromSeconds(1), 3, () => Second(Machine / 4, TaskPriority.Low));
        Say("low under 6 urgent ones a second of the same account, room for 4, a band in 5 s", await Waits(hub, greedy, low));
        await enough.CancelAsync();
        await urgent;
        await CancelAll(hub, greedy);
    }

    private static SubmitTaskRequest Second(double cores, TaskPriority priority) => new()
    {
        TaskType = "noop", TaskData = ByteString.CopyFromUtf8("1000"), Priority = priority, Requirements = new() { CpuCores = cores, MemoryMb = 1, TimeoutSeconds = 3600 },
    };

    private static async Task<List<string>> Stream(Hub hub, Metadata me, TimeSpan every, int tasks, Func<SubmitTaskRequest> task)
    {
        var ids = new List<string>();
        for (var i = 0; i < tasks; i++)
        {
            ids.Add((await hub.SubmitTaskAsync(task(), me)).TaskId);
            await Task.Delay(every);
        }
        return ids;
    }

    private static async Task Flood(Hub hub, Metadata me, int perSecond, Func<SubmitTaskRequest> task, CancellationToken stop)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1.0 / perSecond));
        while (!stop.IsCancellationRequested)
        {
            await hub.SubmitTaskAsync(task(), me);
            await timer.WaitForNextTickAsync(CancellationToken.None);
        }
    }

    private static async Task<GetTaskStatusResponse> Ended(Hub hub, Metadata me, string id)
    {
        while (true)
        {
            var task = await hub.GetTaskStatusAsync(new() { TaskId = id }, me);
            if (task.Status is "completed" or "failed") return task;
            await Task.Delay(50);
        }
    }

    /// <summary>Seconds from submitted to begun.</summary>
    private static async Task<List<double>> Waits(Hub hub, Metadata me, IEnumerable<string> ids)
    {
        var waits = new List<double>();
        foreach (var id in ids)
        {
            var task = await Ended(hub, me, id);
            waits.Add((Moment(task.StartedAt) - Moment(task.CreatedAt)).TotalSeconds);
        }
        return [.. waits.Order()];
    }

    private static async Task CancelAll(Hub hub, Metadata me)
    {
        while ((await hub.ListTasksAsync(new() { States = { TaskState.Pending, TaskState.Assigned, TaskState.Running }, PageSize = 500 }, me)).Tasks is { Count: > 0 } open)
        {
            foreach (var task in open)
            {
                try
                {
                    await hub.CancelTaskAsync(new() { TaskId = task.TaskId }, me);
                }
                catch (RpcException ended) when (ended.StatusCode == StatusCode.FailedPrecondition)
                {
                }
            }
        }
    }

    private static DateTimeOffset Moment(string text) => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture);

    private static void Say(string what, List<double> waits) => Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture, $"{what}: {waits.Count} waits of {waits[0]:F2} to {waits[^1]:F2} s, median {waits[waits.Count / 2]:F2} s"));
}

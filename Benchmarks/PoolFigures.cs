using System.Diagnostics;
using System.Globalization;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using HiveMind.Protos;

namespace HiveMind.Benchmarks;

/// <summary>A whole pool of real processes: start-up, idle memory, submit to result when idle, tasks per second when not.</summary>
internal sealed class PoolFigures(string? redis, int workers, int tasks, int senders) : BenchHub
{
    public static async Task<int> Run(string? redis, int workers, int tasks, int senders)
    {
        using var pool = new PoolFigures(redis, workers, tasks, senders);
        await pool.Measure();
        return 0;
    }

    private async Task Measure()
    {
        var store = await Store(redis);
        var began = Stopwatch.GetTimestamp();
        var (silo, address) = await StartSilo(store);
        Console.WriteLine($"ready after {Stopwatch.GetElapsedTime(began).TotalSeconds:F2} s");
        await Task.Delay(TimeSpan.FromSeconds(10));
        silo.Refresh();
        Console.WriteLine($"idle after 10 s: {silo.WorkingSet64 / 1_000_000} MB resident");

        using var channel = GrpcChannel.ForAddress(address);
        var (_, me) = await NewUser(channel, "bench");
        var hub = new MasterNodeService.MasterNodeServiceClient(channel);

        await StartWorker(channel, me, address, 0);
        await SubmitToResult(hub, me, "noop", "0"); // the first of each meets cold code
        await SubmitToResult(hub, me, "python", "print(1)");
        Console.WriteLine($"submit to result, noop: {await Median(() => SubmitToResult(hub, me, "noop", "0"))}");
        Console.WriteLine($"submit to result, python: {await Median(() => SubmitToResult(hub, me, "python", "print(1)"))}");

        for (var worker = 1; worker < workers; worker++) await StartWorker(channel, me, address, worker);
        for (var round = 1; round <= 3; round++)
        {
            var (submitted, ended) = await Churn(hub, me, round);
            Console.WriteLine($"round {round}: {tasks} noop tasks, {workers} workers, {senders} senders: "
                + $"{tasks / submitted.TotalSeconds:F0}/s acknowledged, {tasks / ended.TotalSeconds:F0}/s end to end");
        }
        silo.Refresh();
        Console.WriteLine($"afterwards: {silo.WorkingSet64 / 1_000_000} MB resident, {silo.TotalProcessorTime.TotalSeconds:F0} s of processor time");
    }

    private async Task<(TimeSpan Submitted, TimeSpan Ended)> Churn(MasterNodeService.MasterNodeServiceClient hub, Metadata me, int round)
    {
        var before = (await hub.GetSystemStatsAsync(new(), me)).CompletedTasks24H;
        var began = Stopwatch.GetTimestamp();
        var next = -1;
        await Task.WhenAll(Enumerable.Range(0, senders).Select(async _ =>
        {
            for (int i; (i = Interlocked.Increment(ref next)) < tasks;) await hub.SubmitTaskAsync(Request("noop", "0", $"{round}-{i}"), me);
        }));
        var submitted = Stopwatch.GetElapsedTime(began);
        while ((await hub.GetSystemStatsAsync(new(), me)).CompletedTasks24H < before + tasks) await Task.Delay(250);
        return (submitted, Stopwatch.GetElapsedTime(began));
    }

    private static async Task<TimeSpan> SubmitToResult(MasterNodeService.MasterNodeServiceClient hub, Metadata me, string type, string program)
    {
        var began = Stopwatch.GetTimestamp();
        var id = (await hub.SubmitTaskAsync(Request(type, program, ""), me)).TaskId;
        while ((await hub.GetTaskStatusAsync(new() { TaskId = id }, me)).Status != "completed") await Task.Delay(1);
        await hub.GetTaskResultAsync(new() { TaskId = id }, me);
        return Stopwatch.GetElapsedTime(began);
    }

    private static SubmitTaskRequest Request(string type, string program, string requestId) => new()
    {
        TaskType = type, TaskData = ByteString.CopyFromUtf8(program), RequestId = requestId, Requirements = new() { CpuCores = 0.02, MemoryMb = 16 },
    };

    private static async Task<string> Median(Func<Task<TimeSpan>> run)
    {
        var took = new List<double>();
        for (var i = 0; i < 20; i++) took.Add((await run()).TotalMilliseconds);
        took.Sort();
        return $"median of 20 {(took[9] + took[10]) / 2:F0} ms, slowest {took[^1]:F0} ms";
    }
}

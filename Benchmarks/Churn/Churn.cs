using System.Diagnostics;
using System.Globalization;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using HiveMind.Protos;
using Microsoft.Data.Sqlite;

namespace HiveMind.Benchmarks;

/// <summary>
/// Short tasks by one SubmitTasks into a pool of real processes, of whose workers one is killed -9 every few seconds and started again. Then
/// every record is asked for and held against what must always hold.
/// </summary>
internal sealed class Churn(string? redis, int tasks, int workers, TimeSpan killEvery, int seed) : BenchHub
{
    private const int AskedTogether = 32;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);
    private static readonly double[] Cores = [0.1, 0.25, 0.5];

    private readonly Random _random = new(seed);

    public static async Task<int> Run(string? redis, int tasks, int workers, int killEverySeconds, int seed)
    {
        using var churn = new Churn(redis, tasks, workers, TimeSpan.FromSeconds(killEverySeconds), seed);
        var report = await churn.Run();
        Console.WriteLine(report);
        return report.Problems.Count == 0 ? 0 : 1;
    }

    /// <param name="settings">Of the silo, beside the scenario's.</param>
    public async Task<ChurnReport> Run(params string[] settings)
    {
        var (silo, address) = await StartSilo([.. await Store(redis), .. settings]);
        using var channel = GrpcChannel.ForAddress(address);
        var (_, me) = await NewUser(channel, "churn");
        var hub = new MasterNodeService.MasterNodeServiceClient(channel);
        var running = new Process[workers];
        for (var worker = 0; worker < workers; worker++) running[worker] = await StartWorker(channel, me, address, worker);

        using var ended = new CancellationTokenSource();
        var killing = Kill(running, address, ended.Token);
        var ids = new List<string>(tasks);
        var problems = new List<string>();
        var began = Stopwatch.GetTimestamp();
        await BulkStream.Submit(hub, me, tasks, Request, answer =>
        {
            if (answer.Code == 0) ids.Add(answer.TaskId);
            else problems.Add($"task {answer.RequestId} was refused: {answer.Reason} {answer.Message}");
        });
        var submitted = Stopwatch.GetElapsedTime(began);
        if (!await AllEnded(hub, me)) problems.Add($"no progress for {Patience.TotalSeconds:0} s");
        var took = Stopwatch.GetElapsedTime(began);
        await ended.CancelAsync();
        var kills = await killing;
        silo.Refresh();
        var (peak, processor) = (ProcessMemory.PeakKb(silo) >> 10, silo.TotalProcessorTime);

        var records = await Records(hub, me, ids);
        problems.AddRange(AttemptHistory.Problems(records, await Capacities(channel, me)));
        if (records.Select(record => record.TaskId).Distinct().Count() != tasks) problems.Add($"{records.Count} tasks, not {tasks}");
        if (SumOfPostings() is not 0 and var sum) problems.Add($"the postings sum to {sum}");
        return new ChurnReport(tasks, submitted, took, records.Sum(record => record.Attempts.Count), kills, peak, processor, problems);
    }

    private SubmitTaskRequest Request(int number) => new()
    {
        TaskType = "noop", TaskData = ByteString.CopyFromUtf8(_random.Next(51).ToString(CultureInfo.InvariantCulture)), RequestId = $"{number}",
        Requirements = new() { CpuCores = Cores[_random.Next(Cores.Length)], MemoryMb = 16 },
    };

    private async Task<int> Kill(Process[] running, string address, CancellationToken stop)
    {
        var random = new Random(seed + 1);
        for (var kills = 0; ; kills++)
        {
            await Task.Delay(killEvery, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stop.IsCancellationRequested) return kills;
            var worker = random.Next(running.Length);
            running[worker].Kill();
            await running[worker].WaitForExitAsync(CancellationToken.None);
            running[worker] = StartWorkerAgain(address, worker);
        }
    }

    private static async Task<bool> AllEnded(MasterNodeService.MasterNodeServiceClient hub, Metadata me)
    {
        var (left, since) = (long.MaxValue, Stopwatch.GetTimestamp());
        while (Stopwatch.GetElapsedTime(since) < Patience)
        {
            var stats = await hub.GetSystemStatsAsync(new(), me);
            var open = stats.PendingTasks + stats.RunningTasks; // everything that is not ended and in the database
            if (open == 0) return true;
            if (open < left) (left, since) = (open, Stopwatch.GetTimestamp());
            await Task.Delay(250);
        }

        return false;
    }

    private static async Task<IReadOnlyList<GetTaskStatusResponse>> Records(MasterNodeService.MasterNodeServiceClient hub, Metadata me, List<string> ids)
    {
        var records = new GetTaskStatusResponse[ids.Count];
        await Parallel.ForAsync(0, ids.Count, new ParallelOptions { MaxDegreeOfParallelism = AskedTogether }, async (i, cancel) =>
            records[i] = await hub.GetTaskStatusAsync(new() { TaskId = ids[i] }, me, cancellationToken: cancel));
        return records;
    }

    private static async Task<Dictionary<string, NodeCapabilities>> Capacities(GrpcChannel channel, Metadata me) =>
        (await new NodeManagerService.NodeManagerServiceClient(channel).ListNodesAsync(new(), me)).Nodes.ToDictionary(node => node.NodeId, node => node.Capabilities);

    private long SumOfPostings()
    {
        using var database = new SqliteConnection($"Data Source={Path.Combine(DataDirectory, "books.db")};Mode=ReadOnly");
        database.Open();
        using var sum = database.CreateCommand();
        sum.CommandText = "SELECT COALESCE(SUM(micros), 0) FROM postings";
        return (long)sum.ExecuteScalar()!;
    }
}

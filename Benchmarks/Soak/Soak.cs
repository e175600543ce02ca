using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Grpc.Core;
using Grpc.Net.Client;
using HiveMind.Protos;

namespace HiveMind.Benchmarks;

/// <summary>
/// A pool of real processes under a steady mixed load: what it uses every half minute, whether that levels off, and an audit of every task that
/// was acknowledged. Ends by itself, with its processes.
/// </summary>
internal sealed partial class Soak(string? redis, TimeSpan length, int perSecond, int workers, string[] settings) : BenchHub
{
    private static readonly TimeSpan MostBetween = TimeSpan.FromSeconds(30), Patience = TimeSpan.FromMinutes(3);
    private readonly List<Process> _workers = [];

    public static async Task<int> Run(string? redis, int seconds, int perSecond, int workers, string[] settings)
    {
        using var soak = new Soak(redis, TimeSpan.FromSeconds(seconds), perSecond, workers, settings);
        return await soak.Run() ? 0 : 1;
    }

    private async Task<bool> Run()
    {
        // Ended tasks leave the state store within the soak, so that what it holds can level off.
        var (silo, address) = await StartSilo([.. await Store(redis), "--HiveMind:Tasks:RetainEnded=00:05:00", .. settings]);
        using var channel = GrpcChannel.ForAddress(address);
        var (_, me) = await NewUser(channel, "soak");
        var hub = new MasterNodeService.MasterNodeServiceClient(channel);
        for (var worker = 0; worker < workers; worker++) _workers.Add(await StartWorker(channel, me, address, worker));
        Console.WriteLine($"{perSecond} tasks/s for {length.TotalMinutes:0.#} min, {workers} workers, {(redis is null ? "embedded floor" : "Redis")}");

        var load = new SoakLoad(hub, me, perSecond);
        using var end = new CancellationTokenSource(length);
        var loading = load.Run(end.Token);
        var samples = await Watch(silo, load, loading, end.Token);
        await loading;
        var isQuiet = await Quiet(hub, me);
        Console.WriteLine($"acknowledged {load.Acknowledged.Count} tasks, {load.Skipped} not sent because {(load.Skipped == 0 ? "(none)" : "the pool was behind")}; "
            + $"errors: {string.Join(", ", load.Errors.Select(error => $"{error.Value} × {error.Key}").DefaultIfEmpty("none"))}");

        var verdict = SoakVerdict.Of(samples);
        foreach (var (line, _) in verdict) Console.WriteLine(line);
        List<string> problems = [.. load.Problems, .. await PoolAudit.Tasks(hub, me, load.Acknowledged), .. PoolAudit.Database(DatabaseFile, load.Acknowledged)];
        if (!isQuiet) problems.Add($"tasks were still open {Patience.TotalMinutes:0} min after the last submit");
        if (silo.HasExited) problems.Add($"the silo ended with {silo.ExitCode}");
        foreach (var problem in problems) Console.WriteLine($"AUDIT: {problem}");
        Console.WriteLine(problems.Count == 0
            ? $"audit: each of {load.Acknowledged.Count} acknowledged tasks ended once and is in the database once, postings and balances sum to 0" : $"audit: {problems.Count} problems");
        return problems.Count == 0 && verdict.All(figure => figure.IsLevel);
    }

    private string DatabaseFile => Path.Combine(DataDirectory, "books.db");

    private async Task<List<SoakSample>> Watch(Process silo, SoakLoad load, Task loading, CancellationToken end)
    {
        var samples = new List<SoakSample>();
        var between = TimeSpan.FromTicks(Math.Min(MostBetween.Ticks, length.Ticks / 12));
        var began = Stopwatch.GetTimestamp();
        while (!loading.IsCompleted)
        {
            await Task.Delay(between, end).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (end.IsCancellationRequested || silo.HasExited) break;
            var sample = await Look(silo, Stopwatch.GetElapsedTime(began));
            samples.Add(sample);
            Console.WriteLine($"{sample.At.TotalSeconds,5:F0} s: {load.Interval()}\n         {sample}");
        }

        return samples;
    }

    private async Task<SoakSample> Look(Process silo, TimeSpan at)
    {
        var figures = await Figures();
        return new(at)
        {
            SiloResident = ProcessMemory.ResidentKb(silo) << 10, WorkerResident = _workers.Sum(ProcessMemory.ResidentKb) << 10,
            ManagedHeap = figures.Where(figure => figure.Name.StartsWith("dotnet_gc_last_collection_heap_size", StringComparison.Ordinal)).Sum(figure => figure.Value),
            Descriptors = Entries(silo, "fd"), Threads = Entries(silo, "task"), WorkerDescriptors = _workers.Sum(worker => Entries(worker, "fd")),
            TaskGrains = figures.Where(figure => figure.Name.StartsWith("orleans_grains", StringComparison.Ordinal)
                && figure.Name.Contains("\"task\"", StringComparison.Ordinal)).Sum(figure => figure.Value),
            StateStoreBytes = Size(Path.Combine(DataDirectory, "floor")), FilesBytes = Size(Path.Combine(DataDirectory, "files")),
            DatabaseBytes = new[] { "", "-wal" }.Sum(part => new FileInfo(DatabaseFile + part) is { Exists: true, Length: var length } ? length : 0),
        };
    }

    private static long Entries(Process process, string what)
    {
        try
        {
            return Directory.EnumerateFileSystemEntries($"/proc/{process.Id}/{what}").LongCount();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0; // just gone
        }
    }

    private static long Size(string directory)
    {
        try
        {
            return Directory.Exists(directory) ? StateStoreKills.Size(directory) : 0;
        }
        catch (IOException)
        {
            return 0; // a file went away while it was being counted
        }
    }

    private async Task<IReadOnlyList<(string Name, long Value)>> Figures()
    {
        using var client = new HttpClient();
        var text = await client.GetStringAsync(new Uri($"{HttpAddress}/metrics"));
        return [.. Figure().Matches(text).Select(match => (match.Groups[1].Value, Value(match.Groups[2].Value)))];
    }

    /// <summary>A name with its labels, a value, and perhaps a time.</summary>
    [GeneratedRegex(@"^([a-zA-Z_:][\w:]*(?:\{.*\})?) (\S+)", RegexOptions.Multiline)]
    private static partial Regex Figure();

    private static long Value(string text) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? (long)number : 0;

    private static async Task<bool> Quiet(MasterNodeService.MasterNodeServiceClient hub, Metadata me)
    {
        for (var began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began) < Patience;)
        {
            try
            {
                if (await hub.GetSystemStatsAsync(new(), me) is { PendingTasks: 0, RunningTasks: 0 })
                {
                    await Task.Delay(TimeSpan.FromSeconds(2)); // settlements in batches
                    return true;
                }
            }
            catch (RpcException)
            {
                // away: asked again
            }

            await Task.Delay(500);
        }

        return false;
    }
}

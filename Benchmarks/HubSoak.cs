using System.Diagnostics;
using HiveMind.Hosting;
using HiveMind.Scheduling;
using HiveMind.Storage;
using HiveMind.Tasks;
using Microsoft.Extensions.DependencyInjection;

namespace HiveMind.Benchmarks;

/// <summary>
/// Months in minutes through a whole hub in this process, with nothing but its own code on both sides: births, grants and outcomes by the tasks' grains,
/// settlement and index by the writer of the database, erasure by the eraser. How large the state store gets, and how long a restart takes.
/// </summary>
internal static class HubSoak
{
    private const int Callers = 128, MostUnsettled = 20_000;
    private const string Node = "soak-node", Lender = "soak-lender";

    public static async Task<int> Run(string directory, int cycles, int retainSeconds)
    {
        var largest = 0L;
        await using (var hub = await Hub.Start(directory, retainSeconds))
        {
            var began = Stopwatch.GetTimestamp();
            var (begun, done) = (0, 0);
            var load = Task.WhenAll(Enumerable.Range(0, Callers).Select(_ => Task.Run(async () =>
            {
                while (Interlocked.Increment(ref begun) <= cycles)
                {
                    await hub.Cycle();
                    Interlocked.Increment(ref done);
                }
            })));
            while (await Task.WhenAny(load, Task.Delay(TimeSpan.FromSeconds(10))) != load)
            {
                largest = Math.Max(largest, Size(hub.StateStoreDirectory));
                Console.WriteLine($"{Stopwatch.GetElapsedTime(began).TotalSeconds:F0} s: {done} tasks, {await hub.Say()}");
            }
            await load;
            Console.WriteLine($"{cycles} tasks in {Stopwatch.GetElapsedTime(began).TotalSeconds:F0} s ({cycles / Stopwatch.GetElapsedTime(began).TotalSeconds:F0}/s)");
            while (await hub.Database.InStateStore() > 0) await Task.Delay(TimeSpan.FromSeconds(1));
            Console.WriteLine($"all erased after {Stopwatch.GetElapsedTime(began).TotalSeconds:F0} s: {await hub.Say()}");
            largest = Math.Max(largest, Size(hub.StateStoreDirectory));
        }

        var restart = Stopwatch.GetTimestamp();
        await using var again = await Hub.Start(directory, retainSeconds);
        Console.WriteLine($"restart {Stopwatch.GetElapsedTime(restart).TotalSeconds:F2} s; state store {Size(again.StateStoreDirectory) / 1_000_000} MB, at most {largest / 1_000_000} MB");
        return 0;
    }

    private static long Size(string directory)
    {
        try
        {
            return StateStoreKills.Size(directory);
        }
        catch (IOException)
        {
            return 0; // a file went away while it was being counted
        }
    }

    private sealed class Hub : IAsyncDisposable
    {
        private readonly Microsoft.AspNetCore.Builder.WebApplication _app;
        private readonly Stores _stores;
        private readonly string _directory;
        private IGrainFactory Grains => _app.Services.GetRequiredService<IGrainFactory>();

        private Hub(Microsoft.AspNetCore.Builder.WebApplication app, Stores stores, string directory) => (_app, _stores, _directory) = (app, stores, directory);

        public SqliteDatabase Database => _stores.Database;
        public string StateStoreDirectory => Path.Combine(_directory, "floor");

        public static async Task<Hub> Start(string directory, int retainSeconds)
        {
            var (builder, options) = SiloBuilderSetup.Create([
                $"--HiveMind:DataDirectory={Path.GetFullPath(directory)}", "--HiveMind:Grpc:Port=0", "--HiveMind:Http:Port=0", "--HiveMind:Tasks:AllowNoop=true",
                $"--HiveMind:Tasks:RetainEnded={TimeSpan.FromSeconds(retainSeconds)}",
            ]);
            var stores = await Stores.Open(options, false);
            var app = SiloBuilderSetup.Build(builder, options, stores, null, null);
            await app.StartAsync();
            return new Hub(app, stores, directory);
        }

        public async Task Cycle()
        {
            while (_stores.StateStore.Unfinished is var index && await Unsettled(index) > MostUnsettled) await Task.Delay(50);
            var id = TaskIds.New("soak", null);
            var task = Grains.GetGrain<ITaskGrain>(id);
            var program = "print(sum(range(1000)))"u8.ToArray();
            await task.Submit(new TaskSpec
            {
                UserId = "soak", TaskType = "noop", Payload = new BlobRef(program.Length, new string('a', 64), program), Resources = new ResourceRequest(1000, 256, 0),
                RunTimeout = TimeSpan.FromMinutes(1), Role = "user",
            });
            if ((await task.Grant(Node, Lender, 1)).Assignment is null) throw new InvalidOperationException($"{id} was not granted.");
            await task.Started(Node, 1);
            var report = new TaskOutcomeReport { TaskId = id, Attempt = 1, RunMs = 5, Result = new BlobRef(7, new string('b', 64), "499500\n"u8.ToArray()) };
            if ((await task.End(Node, report)).Kind != ReportVerdictKind.Accepted) throw new InvalidOperationException($"{id} did not end.");
            await Grains.GetGrain<ISchedulerGrain>(Shards.Default).Remove([id]); // as its node would have told
        }

        public async Task<string> Say() =>
            $"{await _stores.StateStore.Unfinished.Count()} open, {await Database.InStateStore()} ended in the state store; state store {Size(StateStoreDirectory) / 1_000_000} MB, database "
            + $"{Size(_directory) / 1_000_000 - Size(StateStoreDirectory) / 1_000_000} MB, process {Environment.WorkingSet / 1_000_000} MB, heap {GC.GetTotalMemory(false) / 1_000_000} MB";

        public async ValueTask DisposeAsync()
        {
            await _app.StopAsync();
            await _app.DisposeAsync();
            await _stores.DisposeAsync();
        }

        private long _counted, _count;

        /// <summary>Looked at a few times a second: 256 questions to the state store.</summary>
        private async Task<long> Unsettled(IUnfinishedIndex index)
        {
            var last = Interlocked.Read(ref _counted);
            if (Stopwatch.GetElapsedTime(last) < TimeSpan.FromMilliseconds(500) || Interlocked.CompareExchange(ref _counted, Stopwatch.GetTimestamp(), last) != last)
                return Interlocked.Read(ref _count);
            Interlocked.Exchange(ref _count, await index.Count());
            return Interlocked.Read(ref _count);
        }
    }
}

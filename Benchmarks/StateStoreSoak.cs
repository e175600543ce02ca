using System.Diagnostics;
using HiveMind.Storage;
using HiveMind.Tasks;

namespace HiveMind.Benchmarks;

/// <summary>Months in minutes: task-like cycles over a steady number of live tasks; then how big the directory is and how long a restart takes.</summary>
internal static class StateStoreSoak
{
    public static async Task<int> Run(string directory, int cycles, int live, int callers, int rewrites)
    {
        var largest = 0L;
        var stateStore = await StateStore.Start(StateStoreWriter.Options(directory));
        var began = Stopwatch.GetTimestamp();
        await using (stateStore)
        {
            var store = new GrainLikeStore(stateStore);
            var done = 0;
            var lives = Enumerable.Range(0, callers).Select(_ => new Queue<(string, Orleans.IGrainState<ProbeRecord>)>()).ToArray();
            var load = Task.WhenAll(lives.Select(mine => Task.Run(async () =>
            {
                while (Interlocked.Increment(ref done) <= cycles)
                {
                    await Cycle(stateStore, store, mine, live / callers, rewrites);
                }
            })));
            while (await Task.WhenAny(load, Task.Delay(TimeSpan.FromSeconds(10))) != load)
            {
                largest = Math.Max(largest, Size(directory));
                Console.WriteLine($"{Stopwatch.GetElapsedTime(began).TotalSeconds:F0} s: {done} cycles, directory {Size(directory) / 1_000_000} MB, "
                    + $"process {Environment.WorkingSet / 1_000_000} MB");
            }
            await load;
            Console.WriteLine($"{cycles} cycles in {Stopwatch.GetElapsedTime(began).TotalSeconds:F0} s "
                + $"({cycles / Stopwatch.GetElapsedTime(began).TotalSeconds:F0}/s)");
        }
        began = Stopwatch.GetTimestamp();
        await using var again = await StateStore.Start(StateStoreWriter.Options(directory));
        Console.WriteLine($"restart {Stopwatch.GetElapsedTime(began).TotalSeconds:F2} s, {await again.Unfinished.Count()} entries, "
            + $"directory {Size(directory) / 1_000_000} MB, at most {largest / 1_000_000} MB");
        return 0;
    }

    private static async Task Cycle(StateStore stateStore, GrainLikeStore store, Queue<(string Id, Orleans.IGrainState<ProbeRecord> State)> mine, int keep, int rewrites)
    {
        var id = TaskIds.New("soak", null);
        await stateStore.Unfinished.Add([StateStoreWriter.Pending(id)]);
        Orleans.IGrainState<ProbeRecord>? state = null;
        for (var version = 1; version <= 1 + rewrites; version++)
        {
            state = await store.Write(id, version, state);
        }
        mine.Enqueue((id, state!));
        if (mine.Count > keep)
        {
            var oldest = mine.Dequeue();
            await stateStore.Unfinished.Remove([oldest.Id]);
            await store.Delete(oldest.Id, oldest.State);
        }
    }

    private static long Size(string directory)
    {
        try
        {
            return StateStoreKills.Size(directory);
        }
        catch (IOException)
        {
            // A file went away while it was being counted.
            return 0;
        }
    }
}

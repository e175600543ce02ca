using HiveMind.Scheduling;
using HiveMind.Storage;
using HiveMind.Tasks;

namespace HiveMind.Benchmarks;

/// <summary>
/// Task-like load on an embedded floor until killed: index entry, birth, two rewrites; every second task is then deleted and its entry
/// removed. After each acknowledged step one line: `id version`, or `id 0` for a deletion.
/// </summary>
internal static class FloorWriter
{
    private const int Callers = 64;

    public static FloorOptions Options(string directory) => new() { Directory = directory };

    public static bool IsDeleted(string id) => (id[^1] & 1) == 0;

    public static async Task<int> Run(string directory)
    {
        await using var floor = await Floor.Start(Options(directory));
        var store = new GrainLikeStore(floor);
        var output = TextWriter.Synchronized(new StreamWriter(Console.OpenStandardOutput()) { AutoFlush = true });
        await Task.WhenAll(Enumerable.Range(0, Callers).Select(_ => Task.Run(() => Load(floor, store, output))));
        return 0;
    }

    private static async Task Load(Floor floor, GrainLikeStore store, TextWriter output)
    {
        while (true)
        {
            var id = TaskIds.New("probe", null);
            await floor.Unfinished.Add([Pending(id)]);
            Orleans.IGrainState<ProbeRecord>? state = null;
            for (var version = 1; version <= 3; version++)
            {
                state = await store.Write(id, version, state);
                output.WriteLine($"{id} {version}");
            }
            if (IsDeleted(id))
            {
                await floor.Unfinished.Remove([id]);
                await store.Delete(id, state!);
                output.WriteLine($"{id} 0");
            }
        }
    }

    public static PendingTask Pending(string id) =>
        new(id, "probe", "noop", TaskPriority.Normal, new ResourceRequest(1000, 256, 0), DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch);
}

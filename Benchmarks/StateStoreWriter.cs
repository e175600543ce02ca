using HiveMind.Scheduling;
using HiveMind.Storage;
using HiveMind.Tasks;

namespace HiveMind.Benchmarks;

/// <summary>
/// Task-like load on an embedded state store until killed: index entry, birth, two rewrites; every second task is then deleted and its entry
/// removed. After each acknowledged step one line: `id version`, or `id 0` for a deletion.
/// </summary>
internal static class StateStoreWriter
{
    private const int Callers = 64;

    public static StateStoreOptions Options(string directory) => new() { Directory = directory };

    public static bool IsDeleted(string id) => (id[^1] & 1) == 0;

    public static async Task<int> Run(string directory)
    {
        await using var stateStore = await StateStore.Start(Options(directory));
        var store = new GrainLikeStore(stateStore);
        var output = TextWriter.Synchronized(new StreamWriter(Console.OpenStandardOutput()) { AutoFlush = true });
        await Task.WhenAll(Enumerable.Range(0, Callers).Select(_ => Task.Run(() => Load(stateStore, store, output))));
        return 0;
    }

    private static async Task Load(StateStore stateStore, GrainLikeStore store, TextWriter output)
    {
        while (true)
        {
            var id = TaskIds.New("probe", null);
            await stateStore.Unfinished.Add([Pending(id)]);
            Orleans.IGrainState<ProbeRecord>? state = null;
            for (var version = 1; version <= 3; version++)
            {
                state = await store.Write(id, version, state);
                output.WriteLine($"{id} {version}");
            }
            if (IsDeleted(id))
            {
                await stateStore.Unfinished.Remove([id]);
                await store.Delete(id, state!);
                output.WriteLine($"{id} 0");
            }
        }
    }

    public static PendingTask Pending(string id) =>
        new(id, "probe", "noop", TaskPriority.Normal, new ResourceRequest(1000, 256, 0), DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch);
}

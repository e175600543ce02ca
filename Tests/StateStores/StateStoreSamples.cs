using HiveMind.Scheduling;
using HiveMind.Storage;
using HiveMind.Tasks;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime;
using Orleans.Serialization;
using Orleans.Storage;

namespace HiveMind.Tests.StateStores;

/// <summary>Grain states, entries and nodes on an embedded state store without a silo, and what of them is there.</summary>
internal sealed class StateStoreSamples(StateStore stateStore)
{
    private static readonly ServiceProvider Services = new ServiceCollection().AddSerializer().BuildServiceProvider();
    private readonly IGrainStorage storage = ((EmbeddedStateStore)stateStore).Storage(Services);

    public static string Id(int number) => $"{number * 7919 % 256:x2}{number:x30}";

    /// <summary>As a submit does it: the entry, then the birth, which is waited for.</summary>
    public async Task Submit(int number, int size = 300)
    {
        await stateStore.Unfinished.Add([Pending(number)]);
        await Write(number, new GrainState<StateStoreSample>(), 1, size);
    }

    public async Task<GrainState<StateStoreSample>> Write(int number, GrainState<StateStoreSample> state, int version, int size = 300)
    {
        state.State = new StateStoreSample { Version = version, Data = Bytes(number, version, size) };
        await storage.WriteStateAsync("task", Grain(number), state);
        return state;
    }

    public async Task<GrainState<StateStoreSample>> Read(int number)
    {
        var state = new GrainState<StateStoreSample>(new StateStoreSample());
        await storage.ReadStateAsync("task", Grain(number), state);
        return state;
    }

    /// <summary>0 where it is not there; its content must be what was written.</summary>
    public async Task<int> Version(int number)
    {
        var state = (await Read(number)).State!;
        if (state.Version > 0) Assert.Equal(Bytes(number, state.Version, state.Data.Length), state.Data);
        return state.Version;
    }

    public async Task<HashSet<string>> Entries()
    {
        var found = new HashSet<string>();
        await foreach (var entry in stateStore.Unfinished.Scan()) found.Add(entry.Task.TaskId);
        return found;
    }

    public static PendingTask Pending(int number) => new(
        Id(number), "ann", "python", TaskPriority.Normal, new ResourceRequest(1000, 256, 0), DateTimeOffset.UnixEpoch.AddDays(1).AddMilliseconds(number),
        DateTimeOffset.UnixEpoch.AddDays(1));

    private static GrainId Grain(int number) => GrainId.Create("task", Id(number));

    private static byte[] Bytes(int number, int version, int size)
    {
        var bytes = new byte[size];
        new Random((number * 100) + version).NextBytes(bytes);
        return bytes;
    }
}

[GenerateSerializer, Alias("HiveMind.Tests.FloorSample")]
public sealed class StateStoreSample
{
    [Id(0)] public int Version { get; set; }
    [Id(1)] public byte[] Data { get; set; } = [];
}

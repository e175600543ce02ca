using HiveMind.Storage;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime;
using Orleans.Serialization;
using Orleans.Storage;

namespace HiveMind.Benchmarks;

/// <summary>Writes through the product's own grain storage, without a silo around it.</summary>
internal sealed class GrainLikeStore(StateStore stateStore)
{
    private const string StateName = "task";
    private static readonly byte[] Padding = new byte[350];
    private static readonly ServiceProvider Services = new ServiceCollection().AddSerializer().BuildServiceProvider();
    private readonly IGrainStorage storage = ((EmbeddedStateStore)stateStore).Storage(Services);

    static GrainLikeStore() => new Random(1).NextBytes(Padding);

    /// <summary>Version 1 is a birth, each later one a rewrite of what this returned before. Durable when it returns.</summary>
    public async Task<IGrainState<ProbeRecord>> Write(string id, int version, IGrainState<ProbeRecord>? before)
    {
        var state = before ?? new GrainState<ProbeRecord>();
        state.State = new ProbeRecord { Version = version, Data = Padding };
        await storage.WriteStateAsync(StateName, Grain(id), state);
        return state;
    }

    public Task Delete(string id, IGrainState<ProbeRecord> before) => storage.ClearStateAsync(StateName, Grain(id), before);

    /// <summary>0 when it is not there.</summary>
    public async Task<int> Read(string id)
    {
        var state = new GrainState<ProbeRecord>(new ProbeRecord());
        await storage.ReadStateAsync(StateName, Grain(id), state);
        return state.State!.Version;
    }

    private static GrainId Grain(string id) => GrainId.Create("probe", id);
}

[GenerateSerializer, Alias("HiveMind.Benchmarks.ProbeRecord")]
internal sealed class ProbeRecord
{
    [Id(0)] public int Version { get; set; }
    [Id(1)] public byte[] Data { get; set; } = [];
}

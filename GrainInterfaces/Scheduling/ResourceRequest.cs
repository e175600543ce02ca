using Orleans.Concurrency;

namespace HiveMind.Scheduling;

/// <summary>Resources a run reserves. Cores in thousandths, so that sums are exact.</summary>
[GenerateSerializer, Alias("HiveMind.ResourceRequest"), Immutable]
public sealed record ResourceRequest([property: Id(0)] int MilliCores, [property: Id(1)] int MemoryMb, [property: Id(2)] int Gpus)
{
    /// <summary>Room for files while it runs, MiB.</summary>
    [Id(3)] public int DiskMb { get; init; }
}

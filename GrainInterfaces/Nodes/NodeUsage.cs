using Orleans.Concurrency;

namespace HiveMind.Nodes;

[GenerateSerializer, Alias("HiveMind.NodeUsage"), Immutable]
public sealed record NodeUsage(
    [property: Id(0)] double CpuPercent, [property: Id(1)] double MemoryPercent, [property: Id(2)] double GpuPercent, [property: Id(3)] bool DiskFull = false);

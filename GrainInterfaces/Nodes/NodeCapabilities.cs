using System.Collections.ObjectModel;
using Orleans.Concurrency;

namespace HiveMind.Nodes;

/// <summary>What a machine offers. Cores and memory above 0.</summary>
[GenerateSerializer, Alias("HiveMind.NodeCapabilities"), Immutable]
public sealed record NodeCapabilities
{
    [Id(0)] public double CpuCores { get; init; }
    [Id(1)] public long MemoryMb { get; init; }
    [Id(2)] public int GpuCount { get; init; }
    [Id(3)] public string GpuModel { get; init; } = "";
    [Id(4)] public IReadOnlyList<string> SupportedTasks { get; init; } = [];
    [Id(5)] public bool Sandboxed { get; init; }
    [Id(6)] public bool AcceptsStrangers { get; init; }
    [Id(7)] public string WorkerVersion { get; init; } = "";
    /// <summary>Of each GPU, MiB; 0: not known.</summary>
    [Id(8)] public long GpuMemoryMb { get; init; }
    /// <summary>Lent for tasks' files, MiB; 0, as in records of old: not limited by the hub.</summary>
    [Id(9)] public long DiskMb { get; init; }
    /// <summary>What its owner says of it, by name.</summary>
    [Id(10)] public IReadOnlyDictionary<string, string> Labels { get; init; } = ReadOnlyDictionary<string, string>.Empty;
    /// <summary>Gives programs an uploaded file as standard input; a worker of before cannot.</summary>
    [Id(11)] public bool StandardInputFiles { get; init; }
}

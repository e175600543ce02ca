namespace HiveMind.Benchmarks;

/// <summary>What one look at the pool found. Sizes in bytes.</summary>
internal sealed record SoakSample(TimeSpan At)
{
    public long SiloResident { get; init; }
    public long WorkerResident { get; init; }
    public long ManagedHeap { get; init; }
    public long Descriptors { get; init; }
    public long WorkerDescriptors { get; init; }
    public long Threads { get; init; }
    public long StateStoreBytes { get; init; }
    public long DatabaseBytes { get; init; }
    public long FilesBytes { get; init; }
    public long TaskGrains { get; init; }

    public override string ToString() =>
        $"silo {SiloResident / 1_000_000} MB (managed {ManagedHeap / 1_000_000}), {Descriptors} descriptors, {Threads} threads, {TaskGrains} task grains; "
        + $"workers {WorkerResident / 1_000_000} MB, {WorkerDescriptors} descriptors; state store {StateStoreBytes / 1_000_000.0:F1} MB, database {DatabaseBytes / 1_000_000.0:F1} MB, "
        + $"files {FilesBytes / 1_000_000.0:F1} MB";
}

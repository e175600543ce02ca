using System.Runtime.Intrinsics;

namespace HiveMind.Scheduling;

/// <summary>
/// Cores (thousandths), memory (MiB), GPUs and disk (MiB) as one value: what is compared millions of times is compared at once. Whole numbers,
/// so that what was taken and given back is exactly nothing.
/// </summary>
public readonly record struct ResourceVector(Vector128<int> Parts)
{
    public static readonly ResourceVector Zero;

    public static ResourceVector Of(int milliCores, int memoryMb, int gpus = 0, int diskMb = 0) => new(Vector128.Create(milliCores, memoryMb, gpus, diskMb));

    public static ResourceVector Of(ResourceRequest request) => Of(request.MilliCores, request.MemoryMb, request.Gpus, request.DiskMb);

    public int MilliCores => Parts.GetElement(0);
    public int MemoryMb => Parts.GetElement(1);
    public int Gpus => Parts.GetElement(2);
    public int DiskMb => Parts.GetElement(3);

    public bool FitsIn(in ResourceVector room) => Vector128.LessThanOrEqualAll(Parts, room.Parts);

    public ResourceRequest ToRequest() => new(MilliCores, MemoryMb, Gpus) { DiskMb = DiskMb };

    public static ResourceVector operator +(in ResourceVector one, in ResourceVector other) => new(one.Parts + other.Parts);

    public static ResourceVector operator -(in ResourceVector one, in ResourceVector other) => new(one.Parts - other.Parts);

    /// <summary>The larger of each part: room that no single node need have.</summary>
    public static ResourceVector Max(in ResourceVector one, in ResourceVector other) => new(Vector128.Max(one.Parts, other.Parts));
}

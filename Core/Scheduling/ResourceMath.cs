namespace HiveMind.Scheduling;

/// <summary>Sums of reservations. Whole numbers, so that what was taken and given back is exactly nothing.</summary>
public static class ResourceMath
{
    public static readonly ResourceRequest Nothing = new(0, 0, 0);

    public static bool Fits(this ResourceRequest request, ResourceRequest room) =>
        request.MilliCores <= room.MilliCores && request.MemoryMb <= room.MemoryMb && request.Gpus <= room.Gpus
        && request.DiskMb <= room.DiskMb;

    public static ResourceRequest Plus(this ResourceRequest one, ResourceRequest other) =>
        new(one.MilliCores + other.MilliCores, one.MemoryMb + other.MemoryMb, one.Gpus + other.Gpus) { DiskMb = one.DiskMb + other.DiskMb };

    public static ResourceRequest Minus(this ResourceRequest one, ResourceRequest other) =>
        new(one.MilliCores - other.MilliCores, one.MemoryMb - other.MemoryMb, one.Gpus - other.Gpus) { DiskMb = one.DiskMb - other.DiskMb };
}

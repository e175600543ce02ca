namespace HiveMind.Workers.Runs;

/// <summary>
/// How much memory a run may have. Two limits, because each alone has a hole. What the whole process group keeps in memory is sampled
/// and stopped above the request (several processes together). And the address space of each process ends half above the request
/// (at least 16 MiB, at most 256 MiB for the interpreter and its libraries), so that one huge allocation fails at once, inside the
/// program that made it, without hurting a neighbour between two samples.
/// </summary>
public static class MemoryLimit
{
    public static long AddressSpaceKb(long memoryMb) => (memoryMb + Math.Clamp(memoryMb / 2, 16, 256)) * 1024;

    /// <summary>The program says itself that it got no more memory.</summary>
    public static bool SaysOutOfMemory(string lastErrorLine) =>
        lastErrorLine.StartsWith("MemoryError", StringComparison.Ordinal)
        || lastErrorLine.Contains("ArrayMemoryError", StringComparison.Ordinal)
        || lastErrorLine.Contains("cannot allocate memory", StringComparison.OrdinalIgnoreCase);
}

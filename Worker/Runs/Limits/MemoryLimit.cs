namespace HiveMind.Workers.Runs;

/// <summary>
/// How much memory a run may have: what its processes keep in memory together (<see cref="RunMeter"/>). Never its address space, of which threads, node,
/// Java, WebAssembly and CUDA reserve far more than they use.
/// </summary>
public static class MemoryLimit
{
    /// <summary>The program says itself that it got no more memory.</summary>
    public static bool SaysOutOfMemory(string lastErrorLine) =>
        lastErrorLine.StartsWith("MemoryError", StringComparison.Ordinal)
        || lastErrorLine.Contains("ArrayMemoryError", StringComparison.Ordinal)
        || lastErrorLine.Contains("cannot allocate memory", StringComparison.OrdinalIgnoreCase);
}

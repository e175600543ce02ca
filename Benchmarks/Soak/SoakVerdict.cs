namespace HiveMind.Benchmarks;

/// <summary>
/// Does it level off? The first third warms up; what grew from the middle third to the last is held against what is allowed. Database and files
/// are not judged: a history grows with what it tells of.
/// </summary>
internal static class SoakVerdict
{
    private static readonly Judged[] All =
    [
        new("resident memory of the silo", sample => sample.SiloResident, 0.10, 24_000_000),
        new("managed heap of the silo", sample => sample.ManagedHeap, 0.15, 24_000_000),
        new("resident memory of the workers", sample => sample.WorkerResident, 0.10, 24_000_000),
        new("descriptors of the silo", sample => sample.Descriptors, 0.05, 12),
        new("descriptors of the workers", sample => sample.WorkerDescriptors, 0.05, 12),
        new("threads of the silo", sample => sample.Threads, 0.10, 8),
        new("task grains in memory", sample => sample.TaskGrains, 0.15, 500),
        new("the state store's directory", sample => sample.StateStoreBytes, 0.15, 64_000_000),
    ];

    /// <summary>A line per figure, and whether each levels off.</summary>
    public static IReadOnlyList<(string Line, bool IsLevel)> Of(IReadOnlyList<SoakSample> samples) => [.. All.Select(judged => judged.Of(samples))];

    private sealed record Judged(string What, Func<SoakSample, long> Figure, double Share, long AtLeast)
    {
        public (string Line, bool IsLevel) Of(IReadOnlyList<SoakSample> samples)
        {
            var third = samples.Count / 3;
            if (third == 0) return ($"{What}: too few looks to say", false);
            var (middle, last) = (Mean(samples.Skip(third).Take(third)), Mean(samples.Skip(samples.Count - third)));
            var growth = last - middle;
            var isLevel = growth <= Math.Max(AtLeast, middle * Share);
            return ($"{What}: {middle:N0} in the middle third, {last:N0} in the last ({growth:+#,0;-#,0;0}): {(isLevel ? "levels off" : "STILL GROWS")}", isLevel);
        }

        private double Mean(IEnumerable<SoakSample> part) => part.Average(sample => (double)Figure(sample));
    }
}

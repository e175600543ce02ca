using System.Globalization;

namespace HiveMind.Benchmarks;

/// <summary>What a churn did, and what was wrong with it.</summary>
internal sealed record ChurnReport(
    int Tasks, TimeSpan Submitted, TimeSpan Ended, int Attempts, int Kills, long SiloPeakMb, TimeSpan SiloProcessor, IReadOnlyList<string> Problems)
{
    public override string ToString() => string.Join('\n', [
        string.Create(CultureInfo.InvariantCulture,
            $"{Tasks} tasks: {Tasks / Submitted.TotalSeconds:F0}/s acknowledged, {Tasks / Ended.TotalSeconds:F0}/s end to end ({Ended.TotalSeconds:F1} s); "
            + $"{Attempts} attempts, {Kills} workers killed; silo: peak {SiloPeakMb} MB, {SiloProcessor.TotalSeconds:F0} s of processor time"),
        Problems.Count == 0 ? "every task completed, attempts fenced, no node oversubscribed, postings sum to 0" : $"{Problems.Count} problems:",
        .. Problems.Take(20),
    ]);
}

using System.Diagnostics.Metrics;
using HiveMind.Monitoring;
using HiveMind.Tasks;
using static HiveMind.Monitoring.HubTelemetry;

namespace HiveMind.Scheduling;

/// <summary>What sweeps looked at and what they had to mend: without crashes next to nothing.</summary>
internal static class SweepInstruments
{
    private static readonly Counter<long> Sweeps = Figures.CreateCounter<long>("hivemind.sweeps", "{sweep}", "Sweeps that came to their end.");
    private static readonly Counter<long> Failures =
        Figures.CreateCounter<long>("hivemind.sweep.failures", "{failure}", "Entries or nodes that a sweep could not deal with, and whole sweeps.");
    private static readonly Counter<long> Examined = Figures.CreateCounter<long>("hivemind.sweep.examined", "{task}", "Tasks whose record a sweep asked.");
    private static readonly Counter<long> Mended = Figures.CreateCounter<long>("hivemind.sweep.mended", "{task}", "Half-done steps that a sweep finished.");
    private static readonly Histogram<double> Duration = Figures.CreateHistogram("hivemind.sweep.duration", "s", "Time of a whole sweep.", advice: ShortTimes);

    static SweepInstruments() => Figures.CreateObservableGauge(
        "hivemind.sweep.unreadable", () => SweepFindings.Unreadable, "{entry}", "Index entries that the last sweep could not read.");

    public static void Announce()
    {
        Sweeps.Add(0);
        Failures.Add(0);
        Examined.Add(0);
        foreach (var what in new[] { "orphan", "enqueued", "dequeued", "settled", "lost" }) Mended.Add(0, Tag("what", what));
    }

    public static void Ended(TimeSpan took)
    {
        Sweeps.Add(1);
        Duration.Record(took.TotalSeconds);
    }

    public static void Failed() => Failures.Add(1);

    public static void Asked() => Examined.Add(1);

    /// <summary>An entry whose submit never came to its end is gone.</summary>
    public static void OrphanRemoved() => Mended.Add(1, Tag("what", "orphan"));

    /// <summary>A task that waits was unknown to the scheduler.</summary>
    public static void Enqueued() => Mended.Add(1, Tag("what", "enqueued"));

    /// <summary>A task that has ended was still in the scheduler's queue.</summary>
    public static void Dequeued() => Mended.Add(1, Tag("what", "dequeued"));

    /// <summary>An ended task was posted to the database once more.</summary>
    public static void SettledAgain() => Mended.Add(1, Tag("what", "settled"));

    /// <summary>An attempt was on record that its node does not hold.</summary>
    public static void AttemptLost() => Mended.Add(1, Tag("what", "lost"));
}

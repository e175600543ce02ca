using System.Diagnostics.Metrics;
using static HiveMind.Monitoring.HubTelemetry;

namespace HiveMind.Storage;

/// <summary>How long live state takes to become durable, and how many writers share a commit.</summary>
internal static class StateStoreInstruments
{
    private static readonly Histogram<double> CommitTime =
        Figures.CreateHistogram("hivemind.floor.commit.duration", "s", "Time of one group commit of the embedded state store.", advice: ShortTimes);
    private static readonly Histogram<long> CommitShare =
        Figures.CreateHistogram("hivemind.floor.commit.size", "{write}", "Writers that shared one group commit.", advice: Sizes);
    private static readonly Histogram<double> WriteTime =
        Figures.CreateHistogram("hivemind.floor.write.duration", "s", "Time of one grain state's write until it is durable, by kind of record.", advice: ShortTimes);
    private static readonly Counter<long> Failures =
        Figures.CreateCounter<long>("hivemind.floor.failures", "{failure}", "Commits, reads and writes of live state that failed.");

    static StateStoreInstruments() => Figures.CreateObservableGauge(
        "hivemind.records.unreadable", () => UnreadableRecords.Count, "{record}", "Records that this silo has met and cannot read: each is gone around, and named once in the log.");

    public static void Announce()
    {
        foreach (var verb in new[] { "commit", "read", "write", "clear" }) Failures.Add(0, Tag("verb", verb));
    }

    public static void Committed(TimeSpan took, int writers)
    {
        CommitTime.Record(took.TotalSeconds);
        CommitShare.Record(writers);
    }

    public static void CommitFailed() => Failed("commit");

    public static void Written(string record, TimeSpan took) => WriteTime.Record(took.TotalSeconds, Tag("record", record));

    public static void Failed(string verb) => Failures.Add(1, Tag("verb", verb));
}

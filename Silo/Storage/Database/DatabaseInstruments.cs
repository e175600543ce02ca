using System.Diagnostics.Metrics;
using static HiveMind.Monitoring.HubTelemetry;

namespace HiveMind.Storage;

/// <summary>Settlements on their way to the database, and what was paid.</summary>
internal static class DatabaseInstruments
{
    private static readonly UpDownCounter<long> Open =
        Figures.CreateUpDownCounter<long>("hivemind.settlements.open", "{settlement}", "Ended tasks that are not yet in the database.");
    private static readonly Counter<long> Written = Figures.CreateCounter<long>("hivemind.settlements.written", "{settlement}", "Settlements in the database.");
    private static readonly Counter<long> ParkedOnes =
        Figures.CreateCounter<long>("hivemind.settlements.parked", "{settlement}", "Settlements that could not be written and were parked: somebody must look.");
    private static readonly Counter<long> Retries =
        Figures.CreateCounter<long>("hivemind.settlements.retries", "{retry}", "Steps of a batch that failed and were tried again.");
    private static readonly Counter<long> ErasedOnes =
        Figures.CreateCounter<long>("hivemind.tasks.erased", "{task}", "Records of ended tasks that have left the state store; the database answers for them.");
    private static readonly Histogram<long> BatchSize =
        Figures.CreateHistogram("hivemind.settlements.batch.size", "{settlement}", "Settlements that shared one transaction.", advice: Sizes);
    private static readonly Histogram<double> CommitTime =
        Figures.CreateHistogram("hivemind.settlements.commit.duration", "s", "Time of one batch's transaction.", advice: ShortTimes);
    private static readonly Counter<long> PaidMicros =
        Figures.CreateCounter<long>("hivemind.rewards.paid.microcredits", "{microcredit}", "Paid from submitters to lenders, in millionths of a credit.");
    private static long _imbalance = long.MinValue;

    static DatabaseInstruments() => Figures.CreateObservableGauge(
        "hivemind.ledger.imbalance.microcredits", SayImbalance, "{microcredit}", "Sum of all postings, looked at every ten minutes: anything but 0 is a fault.");

    public static void Announce()
    {
        Open.Add(0);
        Written.Add(0);
        ParkedOnes.Add(0);
        Retries.Add(0);
        ErasedOnes.Add(0);
        PaidMicros.Add(0);
    }

    public static void Posted() => Open.Add(1);

    public static void Closed(int settlements) => Open.Add(-settlements);

    public static void Settled(int settlements, int parked, TimeSpan took)
    {
        Written.Add(settlements - parked);
        ParkedOnes.Add(parked);
        BatchSize.Record(settlements);
        CommitTime.Record(took.TotalSeconds);
    }

    public static void Erased(int tasks) => ErasedOnes.Add(tasks);

    public static void Retried() => Retries.Add(1);

    public static void Paid(long micros) => PaidMicros.Add(micros);

    public static void Summed(long imbalance) => Interlocked.Exchange(ref _imbalance, imbalance);

    private static IEnumerable<Measurement<long>> SayImbalance() =>
        Interlocked.Read(ref _imbalance) is var sum && sum != long.MinValue ? [new Measurement<long>(sum)] : [];
}

using System.Diagnostics.Metrics;
using HiveMind.Monitoring;
using static HiveMind.Monitoring.HubTelemetry;

namespace HiveMind.Scheduling;

/// <summary>The queue, as the scheduler says it once a second in a turn of its own; a silo without the scheduler says nothing of it.</summary>
internal static class SchedulingInstruments
{
    private static readonly string[] AnswerKinds = ["granted", "no_room", "not_pending", "try_again", "no_credit"];

    private static readonly Counter<long> Offers = Figures.CreateCounter<long>("hivemind.offers.sent", "{offer}", "Offers to nodes, each of up to 64 tasks.");
    private static readonly Counter<long> FailedOffers = Figures.CreateCounter<long>("hivemind.offers.failed", "{offer}", "Offers that no node answered.");
    private static readonly Counter<long> Answers = Figures.CreateCounter<long>("hivemind.offers.answers", "{task}", "What became of offered tasks.");
    private static volatile SchedulerCounts? _counts;

    static SchedulingInstruments()
    {
        Figures.CreateObservableGauge("hivemind.queue.depth", () => Say(c => c.Pending), "{task}", "Tasks that wait, ready or held back.");
        Figures.CreateObservableGauge("hivemind.queue.nodes", () => Say(c => c.Nodes), "{node}", "Nodes that the scheduler may offer tasks to.");
    }

    public static void Announce()
    {
        foreach (var kind in AnswerKinds) Answers.Add(0, Tag("kind", kind));
        Offers.Add(0);
        FailedOffers.Add(0);
    }

    public static void Counted(SchedulerCounts counts) => _counts = counts;

    public static void Stopped() => _counts = null;

    public static void Offered() => Offers.Add(1);

    public static void OfferFailed() => FailedOffers.Add(1);

    public static void Answered(OfferResult result)
    {
        foreach (var kind in result.Answers.GroupBy(answer => answer.Kind)) Answers.Add(kind.Count(), Tag("kind", Word(kind.Key)));
    }

    private static IEnumerable<Measurement<long>> Say(Func<SchedulerCounts, long> part) =>
        _counts is { } counts ? [new Measurement<long>(part(counts))] : [];

    private static string Word(OfferAnswerKind kind) => kind switch
    {
        OfferAnswerKind.Granted => AnswerKinds[0],
        OfferAnswerKind.NoRoom => AnswerKinds[1],
        OfferAnswerKind.NotPending => AnswerKinds[2],
        OfferAnswerKind.NoCredit => AnswerKinds[4],
        _ => AnswerKinds[3],
    };
}

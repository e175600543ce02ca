namespace HiveMind.Simulation;

/// <summary>What a world has seen, for the summary of a run: a check that never had anything to check is seen here.</summary>
internal sealed class WorldFigures
{
    public long Grants, Ended, Cancelled, Lost, Stale, Deaths, Freezes, Cuts, SchedulerDeaths, NodeGrainsLost, Adopted, Swept, HubFreezes, HubOutages, Unwanted;
    public long ProgressChecks, Promises, BoundsAsked, Overlaps, Dequeued, Expired, Cordoned, TakenBack, Kept, StartsChecked;

    public void Add(WorldFigures other)
    {
        (Grants, Ended, Cancelled, Lost) = (Grants + other.Grants, Ended + other.Ended, Cancelled + other.Cancelled, Lost + other.Lost);
        (Stale, Deaths, Freezes, Cuts) = (Stale + other.Stale, Deaths + other.Deaths, Freezes + other.Freezes, Cuts + other.Cuts);
        (SchedulerDeaths, NodeGrainsLost) = (SchedulerDeaths + other.SchedulerDeaths, NodeGrainsLost + other.NodeGrainsLost);
        (Adopted, Swept) = (Adopted + other.Adopted, Swept + other.Swept);
        (ProgressChecks, Promises) = (ProgressChecks + other.ProgressChecks, Promises + other.Promises);
        (BoundsAsked, Overlaps, Dequeued) = (BoundsAsked + other.BoundsAsked, Overlaps + other.Overlaps, Dequeued + other.Dequeued);
        (HubFreezes, HubOutages, Unwanted) = (HubFreezes + other.HubFreezes, HubOutages + other.HubOutages, Unwanted + other.Unwanted);
        Kept += other.Kept;
        StartsChecked += other.StartsChecked;
        (Expired, Cordoned, TakenBack) = (Expired + other.Expired, Cordoned + other.Cordoned, TakenBack + other.TakenBack);
    }

    public override string ToString() => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"""
        {Grants:N0} grants, {Ended:N0} ends, {Cancelled:N0} cancels, {Expired:N0} too late to start, {Lost:N0} attempts lost, {Stale:N0} stale reports refused, {Overlaps:N0} runs beside a zombie's
        {Deaths:N0} machines died, {Freezes:N0} froze, {Cuts:N0} lines cut, {Cordoned:N0} cordoned by the hub, {TakenBack:N0} runs taken back, {Kept:N0} kept for a silent machine, {SchedulerDeaths:N0} schedulers and {NodeGrainsLost:N0} node grains lost, {Adopted:N0} attempts adopted, {Swept:N0} entries swept
        {HubFreezes:N0} freezes and {HubOutages:N0} outages of the whole hub, {Unwanted:N0} looks at runs that nobody wants, {StartsChecked:N0} at starts
        {ProgressChecks:N0} scans for progress, {Promises:N0} promises, {BoundsAsked:N0} waits compared with their bound; {Dequeued:N0} ended tasks taken out of queues
        """);
}

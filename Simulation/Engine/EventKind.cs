namespace HiveMind.Simulation;

/// <summary>All that can happen, by who it happens to.</summary>
internal enum EventKind
{
    // Submitters: a task comes; its submitter cancels it.
    Submit, Cancel,
    // A task's record: a node asks for a grant; its attempt is over for the pool; the entry in the index goes; its activation is lost.
    Grant, AttemptLost, Expire, LeaveIndex, TaskGrainLost,
    // A node's grain.
    OfferArrives, OfferConcludes, LookUp, ReportArrives, HeartbeatArrives, ConnectArrives, DisconnectArrives, DrainArrives, DropArrives, LeaseRunsOut, OwedAgain, NodeTick, Uncordon,
    NodeGrainLost, CheckHeld,
    // A machine.
    AssignArrives, KillArrives, RunBegins, RunEnds, ReportAgain, VerdictArrives, Beat, SayNow, BeatAnswered, WorkerLeaseRunsOut, Connect, Welcome,
    // The scheduler's grain.
    Enqueue, Remove, ExpireAnswered, ViewArrives, Pump, OfferAnswered, OfferFailed, DueCheck, SchedulerStarts, RebuildPage,
    // The sweeper.
    Sweep, SweepPage, Mend, Claim, Dequeue,
    // What goes wrong and comes right.
    MachineDies, MachineStarts, MachineFreezes, LinkBreaks, MachineResizes, NodeLeaves, NodeUnregisters, NodeCordoned, SchedulerDies, HubFreezes, HubStops, HubReturns,
    // A question the checks ask later.
    WaitBound,
}

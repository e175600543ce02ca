namespace HiveMind.Simulation;

/// <summary>All that can happen, by who it happens to.</summary>
internal enum EventKind
{
    // Submitters: a task comes; its submitter cancels it.
    Submit, Cancel,
    // What a grain's command waits for happens; it has been answered.
    Asks, Resumes,
    // A task's grain: it is to say whether its time is over; the entry in the index goes; its activation is lost.
    Expire, LeaveIndex, TaskGrainLost,
    // A node's grain is called, or lost.
    OfferArrives, ReportArrives, HeartbeatArrives, ConnectArrives, DisconnectArrives, DrainArrives, DropArrives, NodeTick, Uncordon, NodeGrainLost,
    // A machine.
    AssignArrives, KillArrives, CloseArrives, RunBegins, RunEnds, ReportAgain, VerdictArrives, Beat, SayNow, BeatAnswered, WorkerLeaseRunsOut, Connect, Welcome,
    // The scheduler's grain.
    Enqueue, Remove, ExpireAnswered, ViewArrives, Pump, OfferAnswered, OfferFailed, DueCheck, SchedulerStarts, RebuildPage,
    // The sweeper.
    Sweep, SweepPage,
    // What goes wrong and comes right.
    MachineDies, MachineStarts, MachineFreezes, LinkBreaks, MachineResizes, NodeLeaves, NodeUnregisters, NodeCordoned, SchedulerDies, HubFreezes, HubStops, HubReturns,
    // A question the checks ask later.
    WaitBound,
}

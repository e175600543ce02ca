namespace HiveMind.Scheduling;

/// <summary>The stable words of <see cref="WaitReason"/>.</summary>
public static class WaitReasons
{
    public const string NoNodes = "NO_NODES", NodesCordoned = "NODES_CORDONED", InfeasibleType = "INFEASIBLE_TYPE", InfeasibleOwner = "INFEASIBLE_OWNER",
        InfeasibleLabels = "INFEASIBLE_LABELS", InfeasibleGpu = "INFEASIBLE_GPU", InfeasibleSize = "INFEASIBLE_SIZE", WaitingCapacity = "WAITING_CAPACITY",
        WaitingReservation = "WAITING_RESERVATION", WaitingElsewhere = "WAITING_ELSEWHERE", WaitingSlowStart = "WAITING_SLOW_START", HeldBackoff = "HELD_BACKOFF", HeldRunning = "HELD_QUOTA_RUNNING", HeldCores = "HELD_QUOTA_CORES",
        HeldCredits = "HELD_CREDITS",
        Expired = "EXPIRED", Starting = "STARTING", Unknown = "UNKNOWN";
}

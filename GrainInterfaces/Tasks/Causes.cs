namespace HiveMind.Tasks;

/// <summary>Stable words for why a task waits or how an attempt ended.</summary>
public static class Causes
{
    public const string Completed = "COMPLETED", ProgramFailed = "PROGRAM_FAILED", RunTimeout = "RUN_TIMEOUT", OutOfMemory = "OUT_OF_MEMORY",
        OutOfDisk = "OUT_OF_DISK", OutputTooLarge = "OUTPUT_TOO_LARGE", WorkerFault = "WORKER_FAULT", WorkerRefused = "WORKER_REFUSED", NodeLost = "NODE_LOST",
        NodeRemoved = "NODE_REMOVED", Cancelled = "CANCELLED", QueueDeadline = "QUEUE_DEADLINE", TotalTimeout = "TOTAL_TIMEOUT",
        CrashLimit = "CRASH_LIMIT", Drained = "DRAINED", HubAway = "HUB_AWAY", NodeSuspended = "NODE_SUSPENDED",
        NodeTakenOver = "NODE_TAKEN_OVER";

    /// <summary>Only a program that ended by itself has one.</summary>
    public static bool HasExitCode(string cause, int termSignal) => cause is Completed or ProgramFailed && termSignal == 0;
}

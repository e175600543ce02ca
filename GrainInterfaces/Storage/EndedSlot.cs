namespace HiveMind.Storage;

/// <summary>
/// One slot of time, numbered from 1970. Waits are from the submission to the start of the last attempt, of the tasks that started.
/// </summary>
public sealed record EndedSlot(long Slot, long Completed, long Failed, long Cancelled, long TimedOut, long Started, long WaitedMs, long LongestWaitMs);

using HiveMind.Tasks;

namespace HiveMind.Storage;

/// <summary>What the history says of the pool as a whole: sums over time, nobody's names in them.</summary>
public interface IActivity
{
    /// <summary>Tasks that ended since, summed by slots of that length; slots in which nothing ended are left out.</summary>
    Task<IReadOnlyList<EndedSlot>> Ended(DateTimeOffset since, TimeSpan slot, CancellationToken cancel);
    /// <summary>The task that ended last, or null.</summary>
    Task<LastEnded?> LastEnded(CancellationToken cancel);
}

/// <summary>
/// One slot of time, numbered from 1970. Waits are from the submission to the start of the last attempt, of the tasks that started.
/// </summary>
public sealed record EndedSlot(long Slot, long Completed, long Failed, long Cancelled, long TimedOut, long Started, long WaitedMs, long LongestWaitMs);

public sealed record LastEnded(TaskState State, DateTimeOffset At);

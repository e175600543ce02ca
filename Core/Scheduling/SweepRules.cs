using HiveMind.Storage;

namespace HiveMind.Scheduling;

/// <summary>Which entries a sweep examines, so that it wakes few task grains however many wait.</summary>
public static class SweepRules
{
    /// <summary>A submit writes the index first: an entry that is not known to be without a record for so long may be one that is under way.</summary>
    public static readonly TimeSpan BirthBound = TimeSpan.FromSeconds(60);

    /// <summary>From this age on the scheduler's word that a task waits is checked against its record now and then.</summary>
    public static readonly TimeSpan TrustBound = TimeSpan.FromMinutes(10);

    /// <summary>Old entries that one sweep checks, about.</summary>
    public const int MostChecked = 1000;

    /// <summary>An old entry is checked in one sweep out of so many: ten, more where there are too many of them.</summary>
    public static long CheckEvery(long entries) => Math.Max(10, entries / MostChecked);

    public static bool Examines(UnfinishedEntry entry, bool knownToScheduler, long sweep, long checkEvery, DateTimeOffset now)
    {
        if (entry.MarkedNode is not null || !knownToScheduler || now >= entry.Task.StartBy) return true;
        return now - entry.Task.SubmittedAt >= TrustBound && IsTurnOf(entry.Task.TaskId, sweep, checkEvery);
    }

    /// <summary>Entries that cannot be read are asked for every time, in turns where they are too many.</summary>
    public static long AskEvery(long unreadable) => Math.Max(1, unreadable / MostChecked);

    public static bool IsTurnOf(string taskId, long sweep, long every) => (Slot(taskId) + sweep) % every == 0;

    /// <summary>True: a submit that goes on only now enters its task again (<see cref="IsSlowBirth"/>), so its entry may go.</summary>
    public static bool IsOrphan(TimeSpan withoutRecord) => withoutRecord > BirthBound;

    /// <summary>The birth came so late after the entry that a sweep may have taken it for an orphan: enter it again before it is answered.</summary>
    public static bool IsSlowBirth(TimeSpan sinceEntered) => sinceEntered > BirthBound / 4;

    /// <summary>The same in every process, unlike string.GetHashCode.</summary>
    private static long Slot(string taskId) => taskId.Aggregate(0L, (sum, c) => (sum * 31 + c) % 1_000_003);
}

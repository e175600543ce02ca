namespace HiveMind.Storage;

/// <summary>What the history says of the pool as a whole: sums over time, nobody's names in them.</summary>
public interface IActivity
{
    /// <summary>Tasks that ended since, summed by slots of that length; slots in which nothing ended are left out.</summary>
    Task<IReadOnlyList<EndedSlot>> Ended(DateTimeOffset since, TimeSpan slot, CancellationToken cancel);
    /// <summary>The task that ended last, or null.</summary>
    Task<LastEnded?> LastEnded(CancellationToken cancel);
}

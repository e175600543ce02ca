using HiveMind.Rewards;

namespace HiveMind.Storage;

/// <summary>Takes ended tasks to the database in batches, then out of the unfinished index; repeats until done, parks what cannot be written.</summary>
public interface ISettlements
{
    /// <summary>Hands over; the outcome is already durable, so a crash from here on is mended by the sweeper.</summary>
    void Post(Settlement settlement);
    /// <summary>Ended tasks handed over here that are not yet in the database and out of the index.</summary>
    int Open { get; }
}

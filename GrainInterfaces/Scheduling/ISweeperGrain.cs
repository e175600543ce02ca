using Orleans.Concurrency;

namespace HiveMind.Scheduling;

/// <summary>Finishes half-done steps: one per scheduler shard, driven by a reminder and at silo start.</summary>
[Alias("HiveMind.ISweeperGrain")]
public interface ISweeperGrain : IGrainWithStringKey
{
    /// <summary>Ends with a sweep that began after the call: one that is under way may be past what the caller means.</summary>
    [Alias("Sweep"), AlwaysInterleave] Task Sweep();
    /// <summary>
    /// Starts a sweep and does not wait for it, unless one is under way or more than so many have come to their end. Says how many have, so
    /// that who asks again, with that number, learns when one has, however long it lasts, and never makes another.
    /// </summary>
    [Alias("Begin"), AlwaysInterleave] Task<long> Begin(long ended);
}

namespace HiveMind.Scheduling;

/// <summary>
/// Entries that were found without a record, and since when: by this process's own monotonic clock from its own first look, so that neither a
/// stepped clock nor another silo's makes an entry old. An entry that was written anew counts from then on.
/// </summary>
public sealed class OrphanWatch
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, (ReadOnlyMemory<byte> Stored, TimeSpan Since, long MetIn)> _known = [];
    private long _passes;

    /// <summary>What was not met for so long that its turn came twice is forgotten: it has a record, or no entry any more.</summary>
    /// <param name="checkEvery">An entry that the scheduler waits with is looked at in one pass out of so many.</param>
    public void PassBegins(long checkEvery)
    {
        lock (_gate)
        {
            _passes++;
            foreach (var (id, _) in _known.Where(one => one.Value.MetIn < _passes - 2 * checkEvery).ToList()) _known.Remove(id);
        }
    }

    /// <summary>It has no record now. True: for so long that what its submit left behind cannot become a task any more, unless it says so itself.</summary>
    public bool IsOrphan(string taskId, ReadOnlyMemory<byte> stored, TimeSpan now)
    {
        lock (_gate)
        {
            var since = _known.TryGetValue(taskId, out var known) && known.Stored.Span.SequenceEqual(stored.Span) ? known.Since : now;
            _known[taskId] = (stored, since, _passes);
            return SweepRules.IsOrphan(now - since);
        }
    }
}

using HiveMind.Tasks;

namespace HiveMind.Scheduling;

/// <summary>
/// Entries that were found without a record, and since when: by this process's own monotonic clock from its own first look, so that neither a
/// stepped clock nor another silo's makes an entry old. An entry that was written anew counts from then on.
/// </summary>
public sealed class OrphanWatch(TimeProvider time)
{
    public static readonly TaskExamination Missing = new(TaskExaminationKind.Missing, null, null, null);

    private readonly Lock _gate = new();
    private Dictionary<string, (ReadOnlyMemory<byte> Stored, long Since)> _before = [], _now = [];

    public void PassBegins()
    {
        lock (_gate) _now = [];
    }

    /// <summary>What was not met in this pass is forgotten.</summary>
    public void PassEnded()
    {
        lock (_gate) _before = _now;
    }

    /// <summary>It has no record now. True: for so long that what its submit left behind cannot become a task any more, unless it says so itself.</summary>
    public bool IsOrphan(string taskId, ReadOnlyMemory<byte> stored)
    {
        lock (_gate)
        {
            var since = _before.TryGetValue(taskId, out var known) && known.Stored.Span.SequenceEqual(stored.Span) ? known.Since : time.GetTimestamp();
            _now[taskId] = (stored, since);
            return SweepRules.IsOrphan(time.GetElapsedTime(since));
        }
    }
}

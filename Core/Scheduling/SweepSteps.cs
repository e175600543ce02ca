using HiveMind.Nodes;
using HiveMind.Storage;
using HiveMind.Tasks;

namespace HiveMind.Scheduling;

/// <summary>
/// What a sweep does about one entry: it finishes steps that somebody left half done. Pure like the other machines; which entries it is that are looked at says
/// <see cref="SweepRules"/>.
/// </summary>
/// <param name="orphans">Entries without a record, and since when.</param>
/// <param name="happened">Told what was mended.</param>
public sealed class SweepSteps(OrphanWatch orphans, Action<SweepMended> happened)
{
    /// <param name="entry">As it was read.</param>
    /// <param name="clock">What the monotonic clock shows, asked when its record turns out to be missing.</param>
    public IEnumerable<Effect> Mend(UnfinishedEntry entry, Func<TimeSpan> clock)
    {
        var id = entry.Task.TaskId;
        var record = new AskRecord(id);
        yield return record;
        if (record.Found.Kind == TaskExaminationKind.Missing)
        {
            foreach (var wait in RemoveOrphan(record, entry.Stored, clock)) yield return wait;
            if (record.Found.Kind == TaskExaminationKind.Missing) yield break;
            yield return new AddEntry(record.Found.Pending ?? entry.Task, onlyIfMissing: false);
        }
        if (record.Found.Kind == TaskExaminationKind.Pending)
        {
            // A grant that is just being written may lose its mark here: it is set again below when next examined.
            var waiting = record.Found.Pending ?? entry.Task;
            if (entry.MarkedNode is not null || entry.Task != waiting) yield return new ReturnEntry(waiting);
        }
        foreach (var wait in Finish(id, entry.MarkedNode, record.Found)) yield return wait;
    }

    /// <summary>By its record alone. A damaged entry is written anew as soon as the record says what it should be; a newer one is left as it is.</summary>
    public IEnumerable<Effect> Mend(UnreadableEntry entry, Func<TimeSpan> clock)
    {
        var record = new AskRecord(entry.TaskId);
        yield return record;
        if (record.Found.Kind == TaskExaminationKind.Missing)
        {
            if (entry.IsNewer) yield break;
            foreach (var wait in RemoveOrphan(record, entry.Stored, clock)) yield return wait;
            if (record.Found.Kind == TaskExaminationKind.Missing) yield break;
            if (record.Found.Pending is { } missing) yield return new AddEntry(missing, onlyIfMissing: false);
        }
        if (record.Found is { Kind: TaskExaminationKind.Pending, Pending: { } waiting } && !entry.IsNewer) yield return new ReturnEntry(waiting);
        foreach (var wait in Finish(entry.TaskId, entry.MarkedNode, record.Found)) yield return wait;
    }

    /// <summary>The scheduler has it and the index has not: out of its queue, unless its record says that it waits; then the index has it again.</summary>
    public IEnumerable<Effect> TakeOut(string taskId)
    {
        var record = new AskRecord(taskId);
        yield return record;
        if (record.Found.Pending is { } waiting) yield return new AddEntry(waiting, onlyIfMissing: true);
        if (record.Found.Kind is not (TaskExaminationKind.Ended or TaskExaminationKind.Missing)) yield break;
        yield return new Dequeue(taskId);
        happened(new(Mended.Dequeued, taskId));
    }

    /// <summary>What is the same however its entry reads.</summary>
    private IEnumerable<Effect> Finish(string id, string? markedNode, TaskExamination found)
    {
        switch (found.Kind)
        {
            case TaskExaminationKind.Pending:
                var scheduler = new AskScheduler(id);
                if (found.Pending is null) break;
                yield return scheduler;
                if (!scheduler.IsMissing) break;
                yield return new Enqueue(found.Pending);
                happened(new(Mended.Enqueued, id));
                break;
            case TaskExaminationKind.OnNode:
                if (markedNode is null) yield return new MarkEntry(id, found.NodeId!);
                var claim = new ClaimAttempt(found.NodeId!, new(id, found.Assignment!.Attempt, found.Assignment));
                yield return claim;
                if (claim.IsHeld) break;
                yield return new ReportLoss(id, found.NodeId!, found.Assignment.Attempt);
                happened(new(Mended.Lost, id, found.NodeId!, found.Assignment.Attempt));
                break;
            case TaskExaminationKind.Ended:
                happened(new(Mended.Settled, id)); // being examined, it has posted its settlement again, which removes the entry
                break;
        }
    }

    /// <summary>
    /// What a submit left behind that never came to its end: found without a record for long enough, still as it was read, and asked once
    /// more when it is gone. So a submit that goes on just now, after a freeze, is either found here or enters its task again by itself.
    /// </summary>
    private IEnumerable<Effect> RemoveOrphan(AskRecord record, ReadOnlyMemory<byte> stored, Func<TimeSpan> clock)
    {
        if (!orphans.IsOrphan(record.TaskId, stored, clock())) yield break;
        var remove = new RemoveEntry(record.TaskId, stored);
        yield return remove;
        if (!remove.IsRemoved) yield break;
        yield return record; // asked again
        if (record.Found.Kind == TaskExaminationKind.Missing) happened(new(Mended.Orphan, record.TaskId));
    }
}

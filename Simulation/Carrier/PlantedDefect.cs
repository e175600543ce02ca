using HiveMind.Nodes;
using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Simulation;

/// <summary>
/// Where a test plants a defect: in the order in which the world does what the machines want, or in a rule that the scheduler is given. What ships has no
/// switch for it.
/// </summary>
internal class PlantedDefect
{
    public static readonly PlantedDefect None = new();

    /// <summary>A command goes on as if that had been done.</summary>
    public virtual bool Skips(Effect wait) => false;

    /// <summary>The store that it goes to hangs so long.</summary>
    public virtual long Delays(Effect wait) => 0;

    /// <summary>A heartbeat is answered when all that it asks for is done.</summary>
    public virtual bool AnswersHeartbeatsLast => false;

    /// <summary>A heartbeat is answered while the end of its lease is being written.</summary>
    public virtual bool AnswersWhileALeaseEnds => false;

    public virtual BackfillRule Backfill => new();

    /// <summary>The answers that a command gets which goes on as if it had been answered.</summary>
    internal static void Pretend(Effect wait)
    {
        switch (wait)
        {
            case TellStarts starts: Array.Fill(starts.IsCurrent, true); break;
            case TellLosses losses: Array.Fill(losses.IsTold, true); break;
            case MarkTasks mark: mark.IsMarked = true; break;
            case RecordEnds ends:
                for (var i = 0; i < ends.Reports.Count; i++)
                    ends.Verdicts[i] = new(ends.Reports[i].TaskId, ends.Reports[i].Attempt, ReportVerdictKind.Accepted, "", "");
                break;
        }
    }
}

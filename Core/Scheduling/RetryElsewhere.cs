using HiveMind.Tasks;

namespace HiveMind.Scheduling;

/// <summary>
/// A retry goes to another machine if there is one (ADR 41): the nodes on which a task failed are left out while another that could run it, if it were empty, is
/// connected and takes work. Not for ever, as that one may be busy for days: for a minute after the first failure, twice as long after each further one. Then any will do.
/// </summary>
public static class RetryElsewhere
{
    /// <summary>So many failures are remembered, the last ones.</summary>
    public const int Most = 5;

    private const char Between = ' '; // no node id has one

    /// <summary>The nodes of its last failed attempts, in their order, each as often as it failed there; empty: none.</summary>
    public static string FailedOn(IReadOnlyList<AttemptRecord> attempts)
    {
        if (attempts.Count == 0) return "";
        var failed = attempts.Where(attempt => attempt.EndedAt is not null && IsReason(attempt.Cause, attempt.Counts)).Select(attempt => attempt.NodeId).ToList();
        return string.Join(Between, failed.Skip(failed.Count - Most));
    }

    /// <summary>
    /// Ends that another machine may spare the task: its machine's own, and those of a program that is to be tried again. Not what the hub did, nor a machine
    /// that is taken out of service, which gets nothing new anyway; nor a grant that never reached its worker.
    /// </summary>
    public static bool IsReason(string cause, bool counts) => cause switch
    {
        Causes.WorkerFault or Causes.WorkerRefused or Causes.NodeTakenOver => true,
        Causes.NodeLost => counts,
        Causes.ProgramFailed or Causes.OutOfMemory or Causes.OutOfDisk or Causes.OutputTooLarge or Causes.RunTimeout => true,
        _ => false,
    };

    /// <summary>The nodes that are left out, each once and in one order: the same for all tasks that leave out the same.</summary>
    internal static string Nodes(string failedOn)
    {
        if (!failedOn.Contains(Between)) return failedOn;
        return string.Join(Between, failedOn.Split(Between).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal));
    }

    internal static string[] List(string nodes) => nodes.Length == 0 ? [] : nodes.Split(Between);

    /// <summary>How long they are left out, of a task that has this past.</summary>
    public static TimeSpan For(string failedOn, TimeSpan first) => failedOn.Length == 0 ? TimeSpan.Zero : first * (1 << failedOn.AsSpan().Count(Between));
}

using System.Globalization;
using HiveMind.Protos;

namespace HiveMind.Benchmarks;

/// <summary>What records say of tasks that ran, held against what must always hold. Pure: times and capacities as they were told on the wire.</summary>
internal static class AttemptHistory
{
    /// <summary>Problems, a sentence each, none when all is well: every task completed, its attempts numbered on and one after the other, no node over its capacity.</summary>
    public static IReadOnlyList<string> Problems(IReadOnlyList<GetTaskStatusResponse> tasks, IReadOnlyDictionary<string, NodeCapabilities> nodes) =>
        [.. tasks.SelectMany(OfTask), .. nodes.SelectMany(node => OfNode(node.Key, node.Value, tasks))];

    private static IEnumerable<string> OfTask(GetTaskStatusResponse task)
    {
        if (task.State != TaskState.Completed) yield return $"task {task.TaskId} is {task.State} {task.Reason} {task.ErrorMessage}";
        var before = "";
        for (var i = 0; i < task.Attempts.Count; i++)
        {
            var attempt = task.Attempts[i];
            var isLast = i == task.Attempts.Count - 1;
            if (attempt.Attempt != i + 1) yield return $"task {task.TaskId}: attempt {i + 1} is numbered {attempt.Attempt}";
            if (attempt.EndedAt.Length == 0) yield return $"task {task.TaskId}: attempt {attempt.Attempt} has no end";
            if (attempt.Cause == "COMPLETED" != isLast) yield return $"task {task.TaskId}: attempt {attempt.Attempt} of {task.Attempts.Count} ended as {attempt.Cause}";
            if (string.CompareOrdinal(attempt.AssignedAt, before) < 0) yield return $"task {task.TaskId}: attempt {attempt.Attempt} began before {before}, the end of the one before";
            before = attempt.EndedAt;
        }
    }

    /// <summary>At every instant what is reserved is at most what there is. Times are cut to ms, so an end and a start of one ms do not overlap.</summary>
    private static IEnumerable<string> OfNode(string nodeId, NodeCapabilities capacity, IReadOnlyList<GetTaskStatusResponse> tasks)
    {
        var changes = tasks.SelectMany(task => task.Attempts.Where(attempt => attempt.NodeId == nodeId && attempt.EndedAt.Length > 0).SelectMany(attempt => new[]
        {
            (At: Moment(attempt.AssignedAt), Sign: 1, task.Requirements, task.TaskId), (At: Moment(attempt.EndedAt), Sign: -1, task.Requirements, task.TaskId),
        })).OrderBy(change => change.At).ThenBy(change => change.Sign);
        var (milliCores, memoryMb) = (0L, 0L);
        var all = (MilliCores: Milli(capacity.CpuCores), capacity.MemoryMb);
        foreach (var (at, sign, asked, taskId) in changes)
        {
            milliCores += sign * Milli(asked.CpuCores);
            memoryMb += sign * asked.MemoryMb;
            if (sign < 0 || (milliCores <= all.MilliCores && memoryMb <= all.MemoryMb)) continue;
            yield return $"node {nodeId} holds {milliCores / 1000.0} cores and {memoryMb} MB of {capacity.CpuCores} and {capacity.MemoryMb} at {at:O}, with task {taskId}";
            yield break;
        }
    }

    private static long Milli(double cores) => (long)Math.Round(cores * 1000);

    private static DateTimeOffset Moment(string text) => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture);
}

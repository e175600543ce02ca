using HiveMind.Edge;
using Wire = HiveMind.Protos;

namespace HiveMind.Tasks;

/// <summary>Which tasks one call cancels: by their ids, by a filter, or all that the account has open. Pure; every problem at once.</summary>
internal static class CancelRules
{
    public const int MostIds = 1000;
    private static readonly TaskState[] Open = [TaskState.Pending, TaskState.Assigned, TaskState.Running];

    public static IReadOnlyList<FieldProblem> Check(Wire.CancelTasksRequest request)
    {
        var isFilter = request.States.Count > 0 || request.TaskType.Length > 0;
        var ways = (request.TaskIds.Count > 0 ? 1 : 0) + (isFilter ? 1 : 0) + (request.All ? 1 : 0);
        return new FieldProblems()
            .Require(ways == 1, "all", "One of: task_ids; a filter of states and task_type; or all.")
            .Require(request.UserId != RequestUserId.Everybody, "user_id", "Of one account, or empty.")
            .Require(request.TaskIds.Count <= MostIds, "task_ids", "Up to 1000: use another call for more.")
            .Require(request.States.All(state => Open.Contains((TaskState)state)), "states", "Of TASK_STATE_PENDING, TASK_STATE_ASSIGNED and TASK_STATE_RUNNING.")
            .Require(request.TaskType.Length == 0 || Text.IsId(request.TaskType), "task_type", "Up to 64 of A-Z a-z 0-9 . _ -, or empty.")
            .Require(request.PageToken.Length == 0 || request.TaskIds.Count == 0, "page_token", "Goes with a filter or all.")
            .Found;
    }

    /// <summary>Of a request that was checked: of what is open only.</summary>
    public static TaskFilter ToFilter(Wire.CancelTasksRequest request, string userId) => new()
    {
        UserId = userId,
        States = request.States.Count == 0 ? Open : [.. request.States.Select(state => (TaskState)state).Distinct().Order()],
        TaskType = request.TaskType,
    };
}

/// <summary>How many of what; counted from many at a time.</summary>
internal sealed class CancelCount
{
    private int _cancelled, _ended, _notFound, _failed;

    public void Cancelled() => Interlocked.Increment(ref _cancelled);

    public void Ended() => Interlocked.Increment(ref _ended);

    public void NotFound() => Interlocked.Increment(ref _notFound);

    public void Failed() => Interlocked.Increment(ref _failed);

    public Wire.CancelTasksResponse ToWire(string next) => new()
    {
        Success = true, Message = next.Length == 0 ? "Done." : "There may be more: call again with next_page_token.",
        Cancelled = _cancelled, AlreadyEnded = _ended, NotFound = _notFound, Failed = _failed, NextPageToken = next,
    };
}

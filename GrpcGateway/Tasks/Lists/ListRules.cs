using HiveMind.Edge;
using Wire = HiveMind.Protos;

namespace HiveMind.Tasks;

/// <summary>What a question for a list may contain. Pure; every problem at once.</summary>
internal static class ListRules
{
    public const int UsualPage = 50, LargestPage = 500;
    private const string Moment = "A moment like 2026-11-25T18:00:00Z (RFC 3339), or empty.";

    public static IReadOnlyList<FieldProblem> Check(Wire.ListTasksRequest request)
    {
        var (after, before) = (Read(request.CreatedAfter), Read(request.CreatedBefore));
        return new FieldProblems()
            .Require(request.States.All(state => Enum.IsDefined(state) && state != Wire.TaskState.Unspecified), "states", "Of TASK_STATE_PENDING to TASK_STATE_TIMED_OUT.")
            .Require(request.TaskType.Length == 0 || Text.IsId(request.TaskType), "task_type", "Up to 64 of A-Z a-z 0-9 . _ -, or empty.")
            .Require(after is not null, "created_after", Moment)
            .Require(before is not null, "created_before", Moment)
            .Require(after is null || before is null || request.CreatedAfter.Length == 0 || request.CreatedBefore.Length == 0 || after < before,
                "created_before", "Later than created_after.")
            .Require(request.PageSize is >= 0 and <= LargestPage, "page_size", $"0 (means {UsualPage}) to {LargestPage}.")
            .Found;
    }

    /// <summary>Of a request that was checked.</summary>
    public static TaskFilter ToFilter(Wire.ListTasksRequest request, string? userId) => new()
    {
        UserId = userId,
        States = [.. request.States.Select(state => (TaskState)state).Distinct()],
        TaskType = request.TaskType,
        FromMs = request.CreatedAfter.Length == 0 ? 0 : Ms(request.CreatedAfter),
        BeforeMs = request.CreatedBefore.Length == 0 ? long.MaxValue : Ms(request.CreatedBefore),
    };

    // Up to the next millisecond: what was created is known to the millisecond, and a bound between two belongs to the later.
    private static long Ms(string text) => (long)Math.Ceiling((Read(text)!.Value - DateTimeOffset.UnixEpoch).TotalMilliseconds);

    /// <summary>Empty is the beginning of time; null is no moment.</summary>
    private static DateTimeOffset? Read(string text) =>
        text.Length == 0 ? DateTimeOffset.UnixEpoch : Rfc3339.TryParse(text, out var at) ? at : null;
}

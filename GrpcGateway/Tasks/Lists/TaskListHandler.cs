using Grpc.Core;
using HiveMind.Edge;
using Wire = HiveMind.Protos;

namespace HiveMind.Tasks;

/// <summary>One page of an account's tasks, or of everybody's.</summary>
internal sealed class TaskListHandler(TaskListing listing, PageTokens pages, EdgeBudgets budgets)
{
    /// <param name="request">Checked.</param>
    /// <param name="context">Of a user's call.</param>
    public async Task<Wire.ListTasksResponse> List(Wire.ListTasksRequest request, ServerCallContext context)
    {
        var call = UserCall.Of(context);
        var everybody = request.UserId == RequestUserId.Everybody;
        if (everybody && !call.Caller.IsAdmin) throw HiveMindException.Denied("ADMIN_ONLY", "Only an admin lists everybody's tasks.");
        var filter = ListRules.ToFilter(request, everybody ? null : call.Acting.UserId);
        TaskKey? below = request.PageToken.Length == 0 ? null : pages.Read(request.PageToken, filter)
            ?? throw HiveMindException.Invalid("page_token", "The next_page_token of a page with the same filter, or empty for the first page.");
        var size = request.PageSize == 0 ? ListRules.UsualPage : request.PageSize;
        await OpenCall.Hold(context, budgets.Lists, (long)size * Limits.RowBytes); // before it is made: a thousand at once are refused for nothing
        var (tasks, next) = await listing.Page(filter, below, size, context.CancellationToken);
        var answer = new Wire.ListTasksResponse { Success = true, NextPageToken = next is { } key ? pages.Issue(key, filter) : "" };
        answer.Tasks.AddRange(tasks.Select(TaskMapping.ToSummary));
        return answer;
    }
}

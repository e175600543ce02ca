using Grpc.Core;
using HiveMind.Edge;
using HiveMind.Nodes;
using Wire = HiveMind.Protos;

namespace HiveMind.Tasks;

/// <summary>Cancels one task, or many.</summary>
internal sealed class TaskCancelHandler(IGrainFactory grains, VisibleTasks visible, TaskListing listing, PageTokens pages, EdgeBudgets budgets)
{
    /// <summary>So many tasks of a filter are looked at in one call: the caller goes on with the token.</summary>
    private const int CancelledPerCall = 1000;

    public async Task<Wire.CancelTaskResponse> One(Wire.CancelTaskRequest request, ServerCallContext context)
    {
        var task = await visible.Find(request.TaskId, context);
        if (TaskMapping.HasEnded(task.State) && task.State != TaskState.Cancelled) // its grain may know nothing of it any more
            throw HiveMindException.Precondition("TASK_ALREADY_ENDED", $"The task has already ended ({task.State}).");
        if (task.State != TaskState.Cancelled) await grains.GetGrain<ITaskGrain>(task.TaskId).Cancel();
        return new Wire.CancelTaskResponse { Success = true, Message = "Cancelled." };
    }

    /// <param name="request">Checked.</param>
    /// <param name="context">Of a user's call.</param>
    public async Task<Wire.CancelTasksResponse> Many(Wire.CancelTasksRequest request, ServerCallContext context)
    {
        await OpenCall.Hold(context, budgets.Lists, (long)CancelledPerCall * Limits.RowBytes);
        return request.TaskIds.Count > 0 ? await Named(request, context) : await Filtered(request, context);
    }

    private async Task<Wire.CancelTasksResponse> Named(Wire.CancelTasksRequest request, ServerCallContext context)
    {
        var count = new CancelCount();
        string[] ids = [.. request.TaskIds.Distinct(StringComparer.Ordinal)];
        await NodeDirectory.ForEach(ids, id => Cancel(count, async () => (await visible.Find(id, context)).TaskId), context.CancellationToken);
        return count.ToWire("");
    }

    private async Task<Wire.CancelTasksResponse> Filtered(Wire.CancelTasksRequest request, ServerCallContext context)
    {
        var count = new CancelCount();
        var filter = CancelRules.ToFilter(request, UserCall.Of(context).Acting.UserId);
        TaskKey? below = request.PageToken.Length == 0 ? null : pages.Read(request.PageToken, filter)
            ?? throw HiveMindException.Invalid("page_token", "The next_page_token of a call with the same filter, or empty for the first.");
        for (var seen = 0; seen < CancelledPerCall; seen += ListRules.LargestPage)
        {
            var (tasks, next) = await listing.Page(filter, below, ListRules.LargestPage, context.CancellationToken);
            await NodeDirectory.ForEach(tasks, task => Cancel(count, () => Task.FromResult(task.Key.TaskId)), context.CancellationToken);
            below = next;
            if (next is null) break;
        }

        return count.ToWire(below is { } key ? pages.Issue(key, filter) : "");
    }

    /// <summary>What cannot be cancelled is counted, and stops no other.</summary>
    private async Task Cancel(CancelCount count, Func<Task<string>> find)
    {
        try
        {
            await grains.GetGrain<ITaskGrain>(await find()).Cancel();
            count.Cancelled();
        }
        catch (HiveMindException refusal) when (refusal.Kind is FailureKind.NotFound)
        {
            count.NotFound();
        }
        catch (HiveMindException refusal) when (refusal.Kind is FailureKind.FailedPrecondition)
        {
            count.Ended();
        }
        catch (Exception failure) when (failure is HiveMindException or TimeoutException or OrleansException)
        {
            count.Failed();
        }
    }
}

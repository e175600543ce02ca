using HiveMind.Storage;
using Orleans.Runtime;

namespace HiveMind.Tasks;

/// <summary>A task as its record says, wherever that is: in the state store, or, some time after its end, in the database.</summary>
internal sealed class TaskRecords(IGrainFactory grains, IEndedTasks ended)
{
    /// <summary>The state store first: a record leaves it only after the database has it. What they have is right also while the state store does not answer.</summary>
    public async Task<TaskSnapshot?> Find(string taskId, CancellationToken cancel)
    {
        try
        {
            if (await grains.GetGrain<ITaskGrain>(taskId).GetSnapshot() is { } open) return open;
        }
        catch (Exception away) when (away is OrleansException or TimeoutException or HiveMindException { Kind: FailureKind.Unavailable })
        {
            return await ended.Find(taskId, cancel) ?? throw Again(away);
        }

        return await ended.Find(taskId, cancel);
    }

    private static Exception Again(Exception away)
    {
        System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(away);
        return away;
    }
}

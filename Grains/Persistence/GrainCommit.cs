using Orleans.Runtime;

namespace HiveMind.Persistence;

/// <summary>One durable write is one decision: the new record is built aside, written, and only then served.</summary>
internal static class GrainCommit
{
    /// <summary>
    /// Writes the record. When that fails nobody knows whether it was written: the activation ends, so that nothing is served from
    /// a copy that may be wrong, and the caller is told to try again.
    /// </summary>
    public static async Task Commit<T>(this IPersistentState<T> state, T next, Grain grain)
    {
        state.State = next;
        await Guard(state.WriteStateAsync(), grain);
    }

    public static Task Erase<T>(this IPersistentState<T> state, Grain grain) => Guard(state.ClearStateAsync(), grain);

    private static async Task Guard(Task write, Grain grain)
    {
        try
        {
            await write;
        }
        catch (Exception error)
        {
            grain.Deactivate();
            throw error is HiveMindException ? error : HiveMindException.Unavailable("OUTCOME_UNKNOWN", "The store did not confirm the change; try again.");
        }
    }

    private static void Deactivate(this Grain grain) => ((IGrainBase)grain).DeactivateOnIdle();
}

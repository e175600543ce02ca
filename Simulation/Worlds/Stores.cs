using HiveMind.Nodes;
using HiveMind.Tasks;

namespace HiveMind.Simulation;

/// <summary>The hub's stores: what is asked of them fails, or hangs.</summary>
internal sealed class Stores(SimEnvironment env)
{
    private static readonly long Hang = 5 * Ticks.Second;

    /// <summary>A write fails or, as often, succeeds and says that it failed.</summary>
    public bool WriteFails() => env.GoesWrong(env.Plan.WriteFails);

    public bool AskFails() => env.GoesWrong(env.Plan.AskFails);

    /// <summary>How long the store that this needs does nothing.</summary>
    public long HangsFor(Effect wait) => IsOfStores(wait) && env.GoesWrong(env.Plan.StoreHangs) ? Hang : 0;

    /// <summary>It reads or writes a store, or asks a grain that may have to.</summary>
    private static bool IsOfStores(Effect wait) => wait is not (TellScheduler or AskOwner or Announce or Withdraw or DropAttempt or AskStanding);
}

namespace HiveMind.Storage;

/// <summary>What the Redis that a state store shall move to holds of this pool.</summary>
/// <param name="Meta">Null: no silo may start on it.</param>
/// <param name="CopyOf">The state store that a copy which has not ended is of; null: none was begun.</param>
/// <param name="OtherKey">One key of this pool's names; null: there is none.</param>
internal sealed record MigrationTarget(StateStoreMetaRecord? Meta, string? CopyOf, string? OtherKey);

internal enum MigrationStep { Copy, OnlyMark }

/// <summary>May this state store be moved there, and what is left to do? A pure rule.</summary>
internal static class MigrationRule
{
    /// <summary>The step, or StartRefused with a line per reason.</summary>
    public static MigrationStep Decide(StateStoreMetaRecord? stateStore, MigrationTarget target, StoreIdentities others, StateStoreVersions code)
    {
        if (stateStore is null) throw new StartRefusedException("The embedded state store is empty: there is nothing to move. Start the silo on the Redis.");
        if (target.Meta is { } there)
        {
            if (there.StateStoreId != stateStore.StateStoreId)
            {
                throw new StartRefusedException($"The target Redis already holds state store {there.StateStoreId} under this Cluster:ClusterId, and this one is "
                    + $"{stateStore.StateStoreId}: name an empty Redis, or another database of it (defaultDatabase=1).");
            }
            // A silo moves the sequence on at every start. As far as the old state store: the copy is whole. Further: silos live there already.
            if (there.Sequence >= stateStore.Sequence) return MigrationStep.OnlyMark;
            // Behind: a silo was started on the old state store after the move, and its database refuse the copy. A newer one replaces it.
        }
        else if (target.CopyOf is { } begun && begun != stateStore.StateStoreId)
        {
            throw new StartRefusedException($"The target Redis holds half a copy of another state store ({begun}): finish that migration, or name an empty Redis.");
        }
        else if (target is { CopyOf: null, OtherKey: { } key })
        {
            throw new StartRefusedException($"The target Redis is not empty: it holds {key}. Name an empty Redis, or another database of it (defaultDatabase=1).");
        }

        var problems = StoreMatch.Problems(stateStore, others, code, acceptLostStateStore: false);
        return problems.Count == 0 ? MigrationStep.Copy : throw new StartRefusedException(problems);
    }
}

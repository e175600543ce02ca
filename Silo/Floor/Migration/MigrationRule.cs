namespace HiveMind.Storage;

/// <summary>What the Redis that a floor shall move to holds of this pool.</summary>
/// <param name="Meta">Null: no silo may start on it.</param>
/// <param name="CopyOf">The floor that a copy which has not ended is of; null: none was begun.</param>
/// <param name="OtherKey">One key of this pool's names; null: there is none.</param>
internal sealed record MigrationTarget(FloorMetaRecord? Meta, string? CopyOf, string? OtherKey);

internal enum MigrationStep { Copy, OnlyMark }

/// <summary>May this floor be moved there, and what is left to do? A pure rule.</summary>
internal static class MigrationRule
{
    /// <summary>The step, or StartRefused with a line per reason.</summary>
    public static MigrationStep Decide(FloorMetaRecord? floor, MigrationTarget target, StoreIdentities others, FloorVersions code)
    {
        if (floor is null) throw new StartRefusedException("The embedded floor is empty: there is nothing to move. Start the silo on the Redis.");
        if (target.Meta is { } there)
        {
            if (there.FloorId != floor.FloorId)
            {
                throw new StartRefusedException($"The target Redis already holds floor {there.FloorId} under this Cluster:ClusterId, and this one is "
                    + $"{floor.FloorId}: name an empty Redis, or another database of it (defaultDatabase=1).");
            }
            // A silo moves the sequence on at every start. As far as the old floor: the copy is whole. Further: silos live there already.
            if (there.Sequence >= floor.Sequence) return MigrationStep.OnlyMark;
            // Behind: a silo was started on the old floor after the move, and its books refuse the copy. A newer one replaces it.
        }
        else if (target.CopyOf is { } begun && begun != floor.FloorId)
        {
            throw new StartRefusedException($"The target Redis holds half a copy of another floor ({begun}): finish that migration, or name an empty Redis.");
        }
        else if (target is { CopyOf: null, OtherKey: { } key })
        {
            throw new StartRefusedException($"The target Redis is not empty: it holds {key}. Name an empty Redis, or another database of it (defaultDatabase=1).");
        }

        var problems = StoreMatch.Problems(floor, others, code, acceptLostFloor: false);
        return problems.Count == 0 ? MigrationStep.Copy : throw new StartRefusedException(problems);
    }
}

using HiveMind.Configuration;

namespace HiveMind.Storage;

/// <summary>`--accept-lost-books`: a state store is worth nothing without the accounts that its tasks and nodes belong to, so a new pool begins.</summary>
internal static class LostDatabase
{
    /// <summary>Renamed, not deleted: should the database turn up after all, both can be put back.</summary>
    public static void RenameStateStore(PoolOptions options)
    {
        if (!options.IsEmbedded)
        {
            throw new StartRefusedException(
                $"The state store is on a Redis, which {StoreMatch.AcceptDatabaseFlag} does not touch: choose another HiveMind:Cluster:ClusterId there, and a new pool begins.");
        }
        if (!Directory.Exists(options.StateStoreDirectory)) return;
        for (var number = 1; ; number++)
        {
            var aside = $"{options.StateStoreDirectory}.without-books-{number}";
            if (Path.Exists(aside)) continue;
            Directory.Move(options.StateStoreDirectory, aside);
            return;
        }
    }
}

using HiveMind.Configuration;

namespace HiveMind.Storage;

/// <summary>`--accept-lost-books`: a floor is worth nothing without the accounts that its tasks and nodes belong to, so a new pool begins.</summary>
internal static class LostBooks
{
    /// <summary>Renamed, not deleted: should the books turn up after all, both can be put back.</summary>
    public static void PutFloorAside(PoolOptions options)
    {
        if (!options.IsEmbedded)
        {
            throw new StartRefusedException(
                $"The floor is on a Redis, which {StoreMatch.AcceptBooksFlag} does not touch: choose another HiveMind:Cluster:ClusterId there, and a new pool begins.");
        }
        if (!Directory.Exists(options.FloorDirectory)) return;
        for (var number = 1; ; number++)
        {
            var aside = $"{options.FloorDirectory}.without-books-{number}";
            if (Path.Exists(aside)) continue;
            Directory.Move(options.FloorDirectory, aside);
            return;
        }
    }
}

namespace HiveMind.Storage;

/// <summary>The books' side of the stores knowing each other.</summary>
public interface IStoreIdentity
{
    /// <summary>Random, made with the books.</summary>
    string BooksId { get; }
    /// <summary>The floor these books were last used with; null for books that never met one.</summary>
    string? FloorId { get; }
    /// <summary>The floor's last write sequence that the books have seen.</summary>
    long NotedSequence { get; }
    /// <summary>Durable when it returns. A sequence below the noted one for the same floor changes nothing.</summary>
    Task NoteFloor(string floorId, long sequence);
}

/// <summary>Versions of what the floor stores. Each grows by one when older programs could not read it any more.</summary>
public sealed record FloorVersions(int Schema, int KeyLayout, int Serializer)
{
    /// <summary>Schema: records of the indexes and meta. Key layout: the names of keys. Serializer: grain state (Orleans binary).</summary>
    public static readonly FloorVersions Current = new(UnfinishedRecord.Newest, 1, 1);
}

/// <summary>
/// The floor's `meta` record. Confirmed: the highest sequence that the books are known to have noted; books behind it are of an older moment.
/// </summary>
public sealed record FloorMetaRecord(string FloorId, string BooksId, string FilesId, FloorVersions Versions, long Sequence, long Confirmed = 0);

/// <summary>What the stores beside the floor say of themselves.</summary>
public sealed record StoreIdentities(string BooksId, string FilesId, string? FloorId, long NotedSequence);

/// <summary>May these stores be used together? A pure rule: one line per reason why not.</summary>
public static class StoreMatch
{
    public const string AcceptFlag = "--accept-lost-floor", AcceptBooksFlag = "--accept-lost-books", AcceptOlderBooksFlag = "--accept-older-books";

    public static IReadOnlyList<string> Problems(FloorMetaRecord? floor, StoreIdentities others, FloorVersions code, bool acceptLostFloor, bool acceptOlderBooks = false) =>
        floor is null ? EmptyFloor(others, acceptLostFloor) : [.. Mismatches(floor, others, acceptOlderBooks), .. Newer(floor.Versions, code)];

    private static IReadOnlyList<string> EmptyFloor(StoreIdentities others, bool acceptLostFloor) => others.FloorId is null || acceptLostFloor
        ? []
        : [$"The floor is empty, but the books name floor {others.FloorId}: bring that one back, or start with {AcceptFlag}, which gives up "
            + "all unfinished tasks, registered nodes and sessions (accounts, credits and the history are in the books)."];

    private static IEnumerable<string> Mismatches(FloorMetaRecord floor, StoreIdentities others, bool acceptOlderBooks)
    {
        if (floor.BooksId != others.BooksId)
        {
            yield return others.FloorId is not null
                ? $"These are not the floor's books: the floor belongs to books {floor.BooksId}, these are {others.BooksId}."
                : $"These are not the floor's books: it belongs to books {floor.BooksId}, these are new and empty. Restore the books from a backup, or "
                    + $"start with {AcceptBooksFlag}, which begins a new pool and gives up all accounts, credits and history, and with them nodes, "
                    + "sessions and unfinished tasks (the old floor is put aside, not deleted).";
        }
        else if (others.FloorId is not null && others.FloorId != floor.FloorId)
        {
            yield return $"This is not the books' floor: the books belong to floor {others.FloorId}, this is {floor.FloorId}.";
        }
        else if (others.NotedSequence > floor.Sequence)
        {
            yield return $"The floor is behind its books: it is at write {floor.Sequence}, they have seen {others.NotedSequence}. Part of what it "
                + $"acknowledged is lost: restore a newer copy, or start on an empty floor with {AcceptFlag}.";
        }
        else if (others.NotedSequence < floor.Confirmed && !acceptOlderBooks)
        {
            yield return $"The books are of an older moment than the floor: they have seen its write {others.NotedSequence}, and had seen {floor.Confirmed}. "
                + $"Restore the newer books, or start with {AcceptOlderBooksFlag}, which gives up what only they had: accounts, changed passwords and "
                + "payments since then, and the history of tasks that ended since then.";
        }
        if (floor.FilesId != others.FilesId)
        {
            yield return $"These are not the floor's files: the floor belongs to files {floor.FilesId}, these are {others.FilesId}.";
        }
    }

    private static IEnumerable<string> Newer(FloorVersions floor, FloorVersions code)
    {
        foreach (var (what, stored, known) in new[]
        {
            ("schema", floor.Schema, code.Schema), ("key layout", floor.KeyLayout, code.KeyLayout),
            ("serializer", floor.Serializer, code.Serializer),
        })
        {
            if (stored > known)
            {
                yield return $"The floor is newer than this program: its {what} is version {stored}, this program knows {known}. Update the program.";
            }
        }
    }
}

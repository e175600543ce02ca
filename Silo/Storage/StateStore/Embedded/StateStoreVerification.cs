namespace HiveMind.Storage;

/// <summary>
/// Is all there that was acknowledged, as it was written? The structure by SQLite's own check, every row by its checksum, all rows
/// together by the stamp, and the stamp by the note beside the file.
/// </summary>
internal static partial class StateStoreVerification
{
    public static StateStoreStamp Verify(StateStoreConnection connection, string directory, StateStoreStamp? noted, ILogger log)
    {
        var structure = connection.Ask("PRAGMA integrity_check(1)");
        if (structure != "ok") throw Damaged(directory, "its pages do not fit together");
        if (!HasSchema(connection)) throw Damaged(directory, "its tables are not those that were made");
        var (stamp, found) = Read(connection, directory);
        if (found != stamp) throw Damaged(directory, $"{found.Rows} records were found where {stamp.Rows} were written");
        if (noted is null && stamp.Sequence > 1) LogNoNote(log, directory, stamp.Sequence);
        if (noted is { } last)
        {
            if (last.Sequence > stamp.Sequence)
                throw Lost(directory, $"it ends at commit {stamp.Sequence}, and {last.Sequence} were acknowledged: the end of its write-ahead log is damaged or was cut off");
            if (last.Sequence == stamp.Sequence && last != stamp) throw Lost(directory, $"commit {stamp.Sequence} is not the one that was made");
        }

        return stamp;
    }

    public static StartRefusedException Damaged(string directory, string how) => new($"The state store in {directory} is damaged: {how}. {WhatToDo(directory)}");

    public static StartRefusedException Lost(string directory, string how) => new($"The state store in {directory} has lost what was acknowledged: {how}. {WhatToDo(directory)}");

    private static string WhatToDo(string directory) => $"Put back a whole copy of the directory {Path.GetFileName(directory)}/, or move it away and start with {StoreMatch.AcceptFlag}, "
        + "which gives up all unfinished tasks, registered nodes and sessions (accounts, credits and the history are in the database).";

    private static bool HasSchema(StateStoreConnection connection)
    {
        var statement = connection.Prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid");
        var found = new List<string>();
        while (statement.Step()) found.Add(statement.Text(0));
        return found.SequenceEqual(StateStoreLayout.Schema);
    }

    private static (StateStoreStamp Stamp, StateStoreStamp Found) Read(StateStoreConnection connection, string directory)
    {
        StateStoreStamp? stamp = null;
        long rows = 0, all = 0;
        var records = connection.Prepare("SELECT id, key, etag, value, sum FROM records");
        while (records.Step())
        {
            var sum = StateStoreLayout.Sum(records.Bytes(1), records.Bytes(2), records.Bytes(3));
            if (sum != records.Number(4)) throw Damaged(directory, "a record is not as it was written");
            if (records.Number(0) == StateStoreLayout.StampId)
            {
                stamp = StateStoreStamp.Of(records.Bytes(3));
                continue;
            }

            rows++;
            all = unchecked(all + sum);
        }

        var entries = connection.Prepare("SELECT task, user, created, record, node, sum FROM unfinished");
        while (entries.Step())
        {
            var sum = StateStoreLayout.Sum(entries.Bytes(0), entries.Bytes(1), entries.Number(2), entries.Bytes(3), entries.Bytes(4));
            if (sum != entries.Number(5)) throw Damaged(directory, "an entry of the unfinished index is not as it was written");
            rows++;
            all = unchecked(all + sum);
        }

        if (stamp is not { } stood) throw Damaged(directory, "its stamp is missing");
        return (stood, new StateStoreStamp(stood.Sequence, rows, all));
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The note of the last commit beside the state store in {Directory} is missing or damaged. The state store itself is whole up to commit "
        + "{Sequence}; whether later ones were cut off is only known as far as the database has noted them.")]
    private static partial void LogNoNote(ILogger logger, string directory, long sequence);
}

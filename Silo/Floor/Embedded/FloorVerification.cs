namespace HiveMind.Storage;

/// <summary>
/// Is all there that was acknowledged, as it was written? The structure by SQLite's own check, every row by its checksum, all rows
/// together by the stamp, and the stamp by the note beside the file.
/// </summary>
internal static partial class FloorVerification
{
    public static FloorStamp Verify(FloorConnection connection, string directory, FloorStamp? noted, ILogger log)
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

    public static StartRefusedException Damaged(string directory, string how) => new($"The floor in {directory} is damaged: {how}. {WhatToDo(directory)}");

    public static StartRefusedException Lost(string directory, string how) => new($"The floor in {directory} has lost what was acknowledged: {how}. {WhatToDo(directory)}");

    private static string WhatToDo(string directory) => $"Put back a whole copy of the directory {Path.GetFileName(directory)}/, or move it away and start with {StoreMatch.AcceptFlag}, "
        + "which gives up all unfinished tasks, registered nodes and sessions (accounts, credits and the history are in the books).";

    private static bool HasSchema(FloorConnection connection)
    {
        var statement = connection.Prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid");
        var found = new List<string>();
        while (statement.Step()) found.Add(statement.Text(0));
        return found.SequenceEqual(FloorLayout.Schema);
    }

    private static (FloorStamp Stamp, FloorStamp Found) Read(FloorConnection connection, string directory)
    {
        FloorStamp? stamp = null;
        long rows = 0, all = 0;
        var records = connection.Prepare("SELECT id, key, etag, value, sum FROM records");
        while (records.Step())
        {
            var sum = FloorLayout.Sum(records.Bytes(1), records.Bytes(2), records.Bytes(3));
            if (sum != records.Number(4)) throw Damaged(directory, "a record is not as it was written");
            if (records.Number(0) == FloorLayout.StampId)
            {
                stamp = FloorStamp.Of(records.Bytes(3));
                continue;
            }

            rows++;
            all = unchecked(all + sum);
        }

        var entries = connection.Prepare("SELECT task, user, created, record, node, sum FROM unfinished");
        while (entries.Step())
        {
            var sum = FloorLayout.Sum(entries.Bytes(0), entries.Bytes(1), entries.Number(2), entries.Bytes(3), entries.Bytes(4));
            if (sum != entries.Number(5)) throw Damaged(directory, "an entry of the unfinished index is not as it was written");
            rows++;
            all = unchecked(all + sum);
        }

        if (stamp is not { } stood) throw Damaged(directory, "its stamp is missing");
        return (stood, new FloorStamp(stood.Sequence, rows, all));
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The note of the last commit beside the floor in {Directory} is missing or damaged. The floor itself is whole up to commit "
        + "{Sequence}; whether later ones were cut off is only known as far as the books have noted them.")]
    private static partial void LogNoNote(ILogger logger, string directory, long sequence);
}

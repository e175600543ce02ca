namespace HiveMind.Storage;

/// <summary>The state store's file: made, opened, and looked through from end to end before anything of it is believed.</summary>
internal static class StateStoreFile
{
    public const string Name = "floor.db";
    private static readonly string[] EarlierEngine = ["AOF", "Store"];

    /// <summary>
    /// The writer's connection and where the state store stands. StartRefused for what a restart does not change (damage, a wrong place), StoreAway
    /// for what may pass (a full disk).
    /// </summary>
    public static (StateStoreConnection Writer, StateStoreStamp Stamp, CommitNote Note) Open(string directory, ILogger log)
    {
        StateStoreConnection? connection = null;
        CommitNote? note = null;
        try
        {
            MakeDirectory(directory);
            RefuseEarlierEngine(directory);
            var noted = CommitNote.Read(directory);
            var path = Path.Combine(directory, Name);
            var isNew = !File.Exists(path) || new FileInfo(path).Length == 0;
            // SQLite would throw the log of an empty file away.
            if (isNew && (noted is not null || File.Exists($"{path}-wal"))) throw Gone(directory);
            connection = new StateStoreConnection(path, create: true);
            Prepare(connection, directory);
            var stamp = StateStoreVerification.Verify(connection, directory, noted, log);
            note = CommitNote.Open(directory);
            note.Write(stamp);
            DirectorySync.Flush(directory);
            return (connection, stamp, note);
        }
        catch (Exception e)
        {
            connection?.Dispose();
            note?.Dispose();
            if (Translate(e, directory) is { } told) throw told;
            throw;
        }
    }

    private static void MakeDirectory(string directory)
    {
        if (Directory.Exists(directory)) return;
        PrivateDirectory.Make(directory);
        if (Path.GetDirectoryName(Path.GetFullPath(directory)) is { } parent) DirectorySync.Flush(parent);
    }

    private static void RefuseEarlierEngine(string directory)
    {
        if (File.Exists(Path.Combine(directory, Name)) || !EarlierEngine.Any(name => Directory.Exists(Path.Combine(directory, name)))) return;
        throw new StartRefusedException($"The state store in {directory} was written by an earlier version of this program, which kept it in another form: let that version "
            + $"finish what is open or `migrate` it to a Redis, or move the directory away and start with {StoreMatch.AcceptFlag}.");
    }

    private static StartRefusedException Gone(string directory) => StateStoreVerification.Lost(directory, $"its file {Name} is gone or empty");

    /// <summary>The tables of a new file, all at once: a process that dies here leaves an empty one.</summary>
    private static void Prepare(StateStoreConnection connection, string directory)
    {
        if (connection.Ask("SELECT count(*) FROM sqlite_schema") != "0") return;
        if (CommitNote.Read(directory) is not null) throw Gone(directory);
        // Both before the first table: neither can be changed afterwards.
        connection.Execute("PRAGMA auto_vacuum = INCREMENTAL");
        if (connection.Ask("PRAGMA journal_mode = WAL") != "wal")
            throw new StartRefusedException($"The state store in {directory} cannot use a write-ahead log there: put the data directory on a local disk.");
        connection.Execute("BEGIN IMMEDIATE");
        foreach (var sql in StateStoreLayout.Schema) connection.Execute(sql);
        var stamp = new StateStoreStamp(1, 0, 0).ToBytes();
        connection.Prepare("INSERT INTO records (id, key, etag, value, sum) VALUES (?1, ?2, x'', ?3, ?4)").Bind(1, StateStoreLayout.StampId)
            .Bind(2, StateStoreLayout.Key(StateStoreLayout.StampKey)).Bind(3, stamp).Bind(4, StateStoreChange.StampSum(stamp)).Run();
        connection.Execute("COMMIT");
    }

    private static Exception? Translate(Exception e, string directory) => e switch
    {
        StateStoreError { IsDamage: true } damage => StateStoreVerification.Damaged(directory, $"SQLite error {damage.Code}"),
        StateStoreError { IsForbidden: true } => new StartRefusedException($"The state store in {directory} cannot be opened or written: give this user the right to, or name another data directory."),
        StateStoreError error => Away(directory, error.IsFull || DiskSpace.HasNoRoom(directory) ? "its disk is full" : $"its disk failed (SQLite error {error.Code})"),
        UnauthorizedAccessException => new StartRefusedException($"The state store's directory {directory} cannot be read or written: give this user the right to."),
        IOException => Away(directory, DiskSpace.HasNoRoom(directory) ? "its disk is full" : "its disk failed"),
        _ => null,
    };

    private static StoreAwayException Away(string directory, string why) =>
        new($"The state store in {directory} cannot be used now: {why}. Nothing of it was changed; start again when that is mended.");
}

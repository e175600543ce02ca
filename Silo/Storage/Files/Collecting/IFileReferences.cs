namespace HiveMind.Storage;

/// <summary>Who names which file, asked in this order: a task that ends in between is then in the database.</summary>
internal interface IFileReferences
{
    /// <summary>All files named by tasks that are not ended and settled, of those submitted before that moment.</summary>
    Task<NamedFiles> NamedByOpenTasks(DateTimeOffset submittedBefore, CancellationToken cancel);
    /// <summary>For each of these that is an ended task's output: when the last of them ended.</summary>
    Task<IReadOnlyDictionary<string, DateTimeOffset>> LastEnded(IReadOnlyCollection<string> hashes, CancellationToken cancel);
    /// <summary>Noted before the files go, so that whoever asks for them is told why they are gone.</summary>
    Task NoteExpired(IReadOnlyCollection<string> hashes, CancellationToken cancel);
    /// <summary>Since when the database notes every output.</summary>
    Task<DateTimeOffset> KnownSince(CancellationToken cancel);
    /// <summary>Also true where that task's record cannot be read: not to know is no leave to remove.</summary>
    Task<bool> IsCurrentAttempt(string taskId, int attempt);
}

/// <summary>
/// What open tasks name. Unknown since: from then on somebody whose record cannot be read may have named any file; null: everybody was asked. A file that is
/// named was touched for it, so what was touched before is not meant.
/// </summary>
internal sealed record NamedFiles(IReadOnlySet<UInt128> Named, DateTimeOffset? UnknownSince)
{
    /// <param name="file">As the directory has it.</param>
    /// <param name="atMost">Between a file's touch and the record that names it.</param>
    public bool MayInclude(StoredFile file, TimeSpan atMost) =>
        Named.Contains(FileKey.Of(file.Sha256)) || (UnknownSince is { } since && file.TouchedAt + atMost >= since);
}

/// <summary>The first 128 bits of a SHA-256: enough to tell files apart, small enough to hold a million.</summary>
internal static class FileKey
{
    public static UInt128 Of(string sha256) =>
        UInt128.Parse(sha256.AsSpan(0, 32), System.Globalization.NumberStyles.AllowHexSpecifier, System.Globalization.CultureInfo.InvariantCulture);
}

namespace HiveMind.Storage;

/// <summary>Who names which file, asked in this order: a task that ends in between is then in the books.</summary>
internal interface IFileReferences
{
    /// <summary>All files named by tasks that are not ended and settled, of those submitted before that moment.</summary>
    Task<IReadOnlySet<UInt128>> NamedByOpenTasks(DateTimeOffset submittedBefore, CancellationToken cancel);
    /// <summary>For each of these that is an ended task's output: when the last of them ended.</summary>
    Task<IReadOnlyDictionary<string, DateTimeOffset>> LastEnded(IReadOnlyCollection<string> hashes, CancellationToken cancel);
    /// <summary>Noted before the files go, so that whoever asks for them is told why they are gone.</summary>
    Task NoteExpired(IReadOnlyCollection<string> hashes, CancellationToken cancel);
    /// <summary>Since when the books note every output.</summary>
    Task<DateTimeOffset> KnownSince(CancellationToken cancel);
    Task<bool> IsCurrentAttempt(string taskId, int attempt);
}

/// <summary>The first 128 bits of a SHA-256: enough to tell files apart, small enough to hold a million.</summary>
internal static class FileKey
{
    public static UInt128 Of(string sha256) =>
        UInt128.Parse(sha256.AsSpan(0, 32), System.Globalization.NumberStyles.AllowHexSpecifier, System.Globalization.CultureInfo.InvariantCulture);
}

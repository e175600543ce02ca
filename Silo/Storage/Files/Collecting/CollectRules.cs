namespace HiveMind.Storage;

/// <summary>What is kept, for how long and how much of it; MaxBytes 0: no limit.</summary>
internal sealed record CollectLimits(TimeSpan OrphansAfter, TimeSpan RetainResultsFor, TimeSpan RetainPartialsFor, long MaxBytes);

/// <summary>
/// A stored file as the collector sees it. In use: an open task names it, or an upload that may still be used. LastEndedAt: when the last
/// ended task whose output it is came to its end; null when it is no ended task's output.
/// </summary>
internal sealed record FileFacts(StoredFile File, bool InUse, DateTimeOffset? LastEndedAt);

internal enum FileVerdict { Keep, Orphan, Expired }

/// <summary>What may be removed. Pure.</summary>
internal static class CollectRules
{
    /// <summary>
    /// The database knows the outputs of tasks that were settled after <paramref name="knownSince"/>; what is older and named by nobody may be
    /// the standard error of a task from before, and is kept as long as that would be.
    /// </summary>
    public static FileVerdict Of(FileFacts facts, DateTimeOffset now, DateTimeOffset knownSince, CollectLimits limits)
    {
        if (facts.InUse || IsYoung(facts.File, now, limits)) return FileVerdict.Keep;
        var ended = facts.LastEndedAt ?? (facts.File.TouchedAt < knownSince ? facts.File.TouchedAt : null);
        if (ended is null) return FileVerdict.Orphan;
        return now - ended >= limits.RetainResultsFor ? FileVerdict.Expired : FileVerdict.Keep;
    }

    /// <summary>Somebody may be about to name it: written, but the record that will name it is not yet.</summary>
    public static bool IsYoung(StoredFile file, DateTimeOffset now, CollectLimits limits) => now - file.TouchedAt < limits.OrphansAfter;

    /// <summary>The outputs to give up, longest ended first, until the rest fits.</summary>
    public static IReadOnlyList<FileFacts> BeyondSize(IEnumerable<FileFacts> kept, long totalBytes, CollectLimits limits)
    {
        var excess = limits.MaxBytes == 0 ? 0 : totalBytes - limits.MaxBytes;
        var gone = new List<FileFacts>();
        foreach (var facts in kept.Where(f => f is { InUse: false, LastEndedAt: not null }).OrderBy(f => f.LastEndedAt))
        {
            if (excess <= 0) break;
            gone.Add(facts);
            excess -= facts.File.Size;
        }

        return gone;
    }
}

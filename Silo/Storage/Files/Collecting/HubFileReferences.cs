using HiveMind.Tasks;

namespace HiveMind.Storage;

/// <summary>The unfinished index and the records behind it for what is open, the database for what has ended.</summary>
internal sealed class HubFileReferences(IUnfinishedIndex index, IGrainFactory grains, SqliteDatabase database) : IFileReferences
{
    private const int Together = 32;

    public async Task<NamedFiles> NamedByOpenTasks(DateTimeOffset submittedBefore, CancellationToken cancel)
    {
        var named = new Names();
        foreach (var hash in await database.ParkedOutputs(named.Unknown, cancel)) named.Add(hash);
        var batch = new List<(string TaskId, DateTimeOffset SubmittedAt)>(Together);
        // What an entry would say if it could be read only its task knows: not to ask it would be to let its files go.
        var unreadable = new List<string>();
        await foreach (var entry in index.Scan(cancel, entry => unreadable.Add(entry.TaskId)))
        {
            if (entry.Task.SubmittedAt > submittedBefore || NamesNoFile(entry)) continue;
            batch.Add((entry.Task.TaskId, entry.Task.SubmittedAt));
            if (batch.Count < Together) continue;
            await AddNamed(batch, named);
            batch.Clear();
        }

        await AddNamed(batch, named);
        // When it was submitted, its entry does not say.
        foreach (var some in unreadable.Chunk(Together)) await AddNamed([.. some.Select(id => (id, DateTimeOffset.MinValue))], named);
        return named.Result;
    }

    /// <summary>It waits, so it has no output, and its program is in its record: no grain is woken to say so, however many wait.</summary>
    private static bool NamesNoFile(UnfinishedEntry entry) =>
        entry is { MarkedNode: null, Task.PayloadBytes: > 0 and <= BlobRef.InlineLimit };

    public Task<IReadOnlyDictionary<string, DateTimeOffset>> LastEnded(IReadOnlyCollection<string> hashes, CancellationToken cancel) =>
        database.LastEnded(hashes, cancel);

    public Task NoteExpired(IReadOnlyCollection<string> hashes, CancellationToken cancel) => database.NoteExpired(hashes, cancel);

    public Task<DateTimeOffset> KnownSince(CancellationToken cancel) => database.OutputsKnownSince(cancel);

    public async Task<bool> IsCurrentAttempt(string taskId, int attempt)
    {
        try
        {
            return await grains.GetGrain<ITaskGrain>(taskId).GetSnapshot() is { EndedAt: null, Attempts: [.., { EndedAt: null } last] } && last.Attempt == attempt;
        }
        catch (Exception unreadable) when (HiveMindException.IsUnreadable(unreadable))
        {
            return true;
        }
    }

    /// <summary>
    /// A task that cannot be asked ends the whole pass: not to know is no leave to remove. One whose record cannot be read would end every pass: what it may
    /// name is kept instead.
    /// </summary>
    private async Task AddNamed(List<(string TaskId, DateTimeOffset SubmittedAt)> tasks, Names named)
    {
        await Task.WhenAll(tasks.Select(async asked =>
        {
            try
            {
                if (await grains.GetGrain<ITaskGrain>(asked.TaskId).GetSnapshot() is not { } task) return;
                foreach (var blob in new[] { task.Spec.Payload, task.Spec.StandardInputFile, task.Result, task.Stderr })
                    if (blob is { Inline: null }) named.Add(blob.Sha256);
            }
            catch (Exception unreadable) when (HiveMindException.IsUnreadable(unreadable))
            {
                named.Unknown(asked.SubmittedAt);
            }
        }));
    }

    private sealed class Names
    {
        private readonly Lock _lock = new();
        private readonly HashSet<UInt128> _named = [];
        private DateTimeOffset? _unknownSince;

        public NamedFiles Result => new(_named, _unknownSince);

        public void Add(string sha256)
        {
            lock (_lock) _named.Add(FileKey.Of(sha256));
        }

        /// <summary>Somebody names files from then on, and nobody knows which.</summary>
        public void Unknown(DateTimeOffset since)
        {
            lock (_lock) _unknownSince = since < (_unknownSince ?? DateTimeOffset.MaxValue) ? since : _unknownSince;
        }
    }
}

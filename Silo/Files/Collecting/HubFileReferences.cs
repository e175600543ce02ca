using HiveMind.Tasks;

namespace HiveMind.Storage;

/// <summary>The unfinished index and the records behind it for what is open, the books for what has ended.</summary>
internal sealed class HubFileReferences(IUnfinishedIndex index, IGrainFactory grains, SqliteBooks books) : IFileReferences
{
    private const int Together = 32;

    public async Task<IReadOnlySet<UInt128>> NamedByOpenTasks(DateTimeOffset submittedBefore, CancellationToken cancel)
    {
        var named = new HashSet<UInt128>();
        foreach (var hash in await books.ParkedOutputs(cancel)) named.Add(FileKey.Of(hash));
        var batch = new List<string>(Together);
        // What an entry would say if it could be read only its task knows: not to ask it would be to let its files go.
        var unreadable = new List<string>();
        await foreach (var entry in index.Scan(cancel, entry => unreadable.Add(entry.TaskId)))
        {
            if (entry.Task.SubmittedAt > submittedBefore || NamesNoFile(entry)) continue;
            batch.Add(entry.Task.TaskId);
            if (batch.Count < Together) continue;
            await AddNamed(batch, named);
            batch.Clear();
        }

        await AddNamed(batch, named);
        foreach (var some in unreadable.Chunk(Together)) await AddNamed([.. some], named);
        return named;
    }

    /// <summary>It waits, so it has no output, and its program is in its record: no grain is woken to say so, however many wait.</summary>
    private static bool NamesNoFile(UnfinishedEntry entry) =>
        entry is { MarkedNode: null, Task.PayloadBytes: > 0 and <= BlobRef.InlineLimit };

    public Task<IReadOnlyDictionary<string, DateTimeOffset>> LastEnded(IReadOnlyCollection<string> hashes, CancellationToken cancel) =>
        books.LastEnded(hashes, cancel);

    public Task NoteExpired(IReadOnlyCollection<string> hashes, CancellationToken cancel) => books.NoteExpired(hashes, cancel);

    public Task<DateTimeOffset> KnownSince(CancellationToken cancel) => books.OutputsKnownSince(cancel);

    public async Task<bool> IsCurrentAttempt(string taskId, int attempt) =>
        await grains.GetGrain<ITaskGrain>(taskId).GetSnapshot() is { EndedAt: null, Attempts: [.., { EndedAt: null } last] } && last.Attempt == attempt;

    /// <summary>A task that cannot be asked ends the whole pass: not to know is no leave to remove.</summary>
    private async Task AddNamed(List<string> taskIds, HashSet<UInt128> named)
    {
        foreach (var task in await Task.WhenAll(taskIds.Select(id => grains.GetGrain<ITaskGrain>(id).GetSnapshot())))
        {
            if (task is null) continue;
            foreach (var blob in new[] { task.Spec.Payload, task.Result, task.Stderr })
                if (blob.Inline is null) named.Add(FileKey.Of(blob.Sha256));
        }
    }
}

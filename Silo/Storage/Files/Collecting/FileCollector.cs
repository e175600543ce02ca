namespace HiveMind.Storage;

/// <summary>What a pass removed.</summary>
internal sealed record Collected(int Partials, int Orphans, int Expired, long Bytes)
{
    public bool IsNothing => Partials + Orphans + Expired == 0;
}

/// <summary>
/// Mark and sweep over the files directory (ADR 11). A crash at any step leaves at most files that the next pass removes: it decides anew
/// from what the stores say, and keeps nothing of its own.
/// </summary>
internal sealed class FileCollector(
    DirectoryFiles files, DirectoryPartialFiles partials, DirectoryUploads uploads, IFileReferences references, CollectLimits limits, TimeProvider time)
{
    private const int Page = 500;
    /// <summary>A birth comes so long after its payload's file at most; the calls between them end far sooner.</summary>
    private static readonly TimeSpan BirthMargin = TimeSpan.FromMinutes(10);
    /// <summary>Output of an attempt that is over; its worker may be about to complete it.</summary>
    private static readonly TimeSpan DeadOutputAfter = TimeSpan.FromHours(1);

    public async Task<Collected> Run(CancellationToken cancel)
    {
        var now = time.GetUtcNow();
        foreach (var name in partials.Foreign().Select(name => $"partial/{name}").Concat(uploads.Foreign().Select(name => $"uploads/{name}")))
            UnreadableRecords.Meet($"files/{Uri.EscapeDataString(name)}");
        var pass = new Pass { Partials = await RemovePartials(now, cancel) };
        foreach (var mark in uploads.Marks().Where(mark => now - mark.UsedAt >= limits.RetainPartialsFor)) uploads.RemoveMark(mark);
        if (files.All().Any(file => !CollectRules.IsYoung(file, now, limits))) await Sweep(pass, now, cancel);
        return new(pass.Partials, pass.Orphans, pass.Expired, pass.Bytes);
    }

    private async Task<int> RemovePartials(DateTimeOffset now, CancellationToken cancel)
    {
        var removed = 0;
        foreach (var (id, touchedAt) in partials.All())
        {
            cancel.ThrowIfCancellationRequested();
            var age = now - touchedAt;
            var isDead = PartialIds.ParseOutput(id) is { } output
                ? age >= DeadOutputAfter && !await references.IsCurrentAttempt(output.TaskId, output.Attempt)
                : age >= limits.RetainPartialsFor;
            if (!isDead) continue;
            await partials.Delete(id);
            removed++;
        }

        return removed;
    }

    private async Task Sweep(Pass pass, DateTimeOffset now, CancellationToken cancel)
    {
        // In this order: what stops being open while we look is in the database by then.
        var open = await references.NamedByOpenTasks(now - limits.OrphansAfter + BirthMargin, cancel);
        var uploaded = uploads.Marks().Select(mark => FileKey.Of(mark.Sha256)).ToHashSet();
        var knownSince = await references.KnownSince(cancel);
        var outputs = new List<FileFacts>();
        var total = 0L;
        foreach (var page in files.All().Chunk(Page))
        {
            total += page.Sum(file => file.Size);
            var old = page.Where(file => !CollectRules.IsYoung(file, now, limits)).ToList();
            if (old.Count == 0) continue;
            var ended = await references.LastEnded([.. old.Select(file => file.Sha256)], cancel);
            var facts = old.ConvertAll(file => new FileFacts(
                file, open.MayInclude(file, limits.OrphansAfter) || uploaded.Contains(FileKey.Of(file.Sha256)),
                ended.TryGetValue(file.Sha256, out var at) ? at : null));
            var verdicts = facts.ToLookup(fact => CollectRules.Of(fact, now, knownSince, limits));
            pass.Orphans += await Remove(verdicts[FileVerdict.Orphan], pass, cancel);
            pass.Expired += await Expire([.. verdicts[FileVerdict.Expired]], pass, cancel);
            if (limits.MaxBytes > 0) outputs.AddRange(verdicts[FileVerdict.Keep]);
        }

        pass.Expired += await Expire(CollectRules.BeyondSize(outputs, total - pass.Bytes, limits), pass, cancel);
    }

    private async Task<int> Expire(IReadOnlyCollection<FileFacts> gone, Pass pass, CancellationToken cancel)
    {
        var removed = 0;
        foreach (var page in gone.Chunk(Page))
        {
            await references.NoteExpired([.. page.Select(fact => fact.File.Sha256)], cancel);
            removed += await Remove(page, pass, cancel);
        }

        return removed;
    }

    private async Task<int> Remove(IEnumerable<FileFacts> gone, Pass pass, CancellationToken cancel)
    {
        var removed = 0;
        foreach (var fact in gone)
        {
            if (!await files.Remove(fact.File, cancel)) continue;
            removed++;
            pass.Bytes += fact.File.Size;
        }

        return removed;
    }

    private sealed class Pass
    {
        public int Partials, Orphans, Expired;
        public long Bytes;
    }
}

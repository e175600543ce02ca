using HiveMind.Storage;
using HiveMind.Tasks;
using HiveMind.Tests.Database;
using Microsoft.Extensions.Time.Testing;

namespace HiveMind.Tests.Files;

/// <summary>The collector over a real directory, with what the other stores say laid out by the test.</summary>
public sealed class FileCollectorTests : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 11, 25, 12, 0, 0, TimeSpan.Zero));
    private readonly Told _told = new();
    private readonly DirectoryFiles _files;
    private readonly DirectoryPartialFiles _partials;
    private readonly DirectoryUploads _uploads;
    private CollectLimits _limits = new(TimeSpan.FromHours(6), TimeSpan.FromDays(30), TimeSpan.FromHours(24), 0);

    public FileCollectorTests()
    {
        _files = DirectoryFiles.Open(_folder.Path, _clock);
        _partials = new DirectoryPartialFiles(_files);
        _uploads = new DirectoryUploads(_files, _partials, _clock);
        _told.KnownFrom = _clock.GetUtcNow();
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Run_FileNobodyNames_GoesWhenItIsOldEnough()
    {
        var blob = await Write(1);
        _clock.Advance(TimeSpan.FromHours(5));
        Assert.True((await Run()).IsNothing);
        _clock.Advance(TimeSpan.FromHours(1));

        Assert.Equal(new Collected(0, 1, 0, blob.Size), await Run());

        Assert.False(Exists(blob));
        Assert.Empty(_told.Noted);
    }

    [Fact]
    public async Task Run_PayloadOfAnOpenTask_StaysUntilTheTaskIsOver()
    {
        var blob = await Write(1);
        _told.Open.Add(FileKey.Of(blob.Sha256));
        _clock.Advance(TimeSpan.FromDays(400));
        Assert.True((await Run()).IsNothing);

        _told.Open.Clear();
        Assert.Equal(1, (await Run()).Orphans);
        Assert.False(Exists(blob));
    }

    [Fact]
    public async Task Run_OutputOfAnEndedTask_GoesAfterItsTimeAndIsNotedFirst()
    {
        var (kept, gone) = (await Write(1), await Write(2));
        var start = _clock.GetUtcNow();
        _told.Ended[kept.Sha256] = start.AddDays(2);
        _told.Ended[gone.Sha256] = start;
        _told.WhenNoted = () => Assert.True(Exists(gone), "removed before it was noted: a crash in between would leave a lost file");
        _clock.Advance(TimeSpan.FromDays(31));

        Assert.Equal(1, (await Run()).Expired);

        Assert.True(Exists(kept));
        Assert.False(Exists(gone));
        Assert.Equal([gone.Sha256], _told.Noted);
    }

    [Fact]
    public async Task Run_AboveMaxBytes_TheLongestEndedGo()
    {
        var start = _clock.GetUtcNow();
        var blobs = new List<BlobRef>();
        for (var i = 0; i < 5; i++)
        {
            blobs.Add(await Write(i));
            _told.Ended[blobs[i].Sha256] = start.AddMinutes(10 - i);
        }

        _limits = _limits with { MaxBytes = 3 * blobs[0].Size };
        _clock.Advance(TimeSpan.FromHours(7));

        Assert.Equal(2, (await Run()).Expired);
        Assert.Equal([true, true, true, false, false], blobs.Select(Exists));
    }

    [Fact]
    public async Task Run_FileTakenUpAgainMeanwhile_Stays()
    {
        var blob = await Write(1);
        _clock.Advance(TimeSpan.FromHours(7));
        // The same content is submitted between the look at the directory and the removal.
        _told.WhenAskedForEnds = () => _files.Write(Content(1), Make.None).GetAwaiter().GetResult();

        Assert.True((await Run()).IsNothing);
        Assert.True(Exists(blob));
    }

    [Fact]
    public async Task Run_TaskThatCannotBeAsked_RemovesNothing()
    {
        var blob = await Write(1);
        _clock.Advance(TimeSpan.FromHours(7));
        _told.WhenAskedForOpen = () => throw HiveMindException.Unavailable("FLOOR_UNAVAILABLE", "The state store is away.");
        await Assert.ThrowsAsync<HiveMindException>(Run);
        Assert.True(Exists(blob));
    }

    /// <summary>A file is touched for the task that names it, so what was touched long before is another's.</summary>
    [Fact]
    public async Task Run_ARecordCannotBeRead_WhatItMayNameStaysAndTheRestGoes()
    {
        var older = await Write(1);
        _clock.Advance(TimeSpan.FromHours(10));
        _told.UnknownSince = _clock.GetUtcNow().AddHours(5);
        var (uploadedBefore, output) = (await Write(2), await Write(3));
        _told.Ended[output.Sha256] = _clock.GetUtcNow();
        _clock.Advance(TimeSpan.FromDays(31));
        _limits = _limits with { MaxBytes = 1 };

        Assert.Equal(new Collected(0, 1, 0, older.Size), await Run());
        Assert.Equal([false, true, true], new[] { older, uploadedBefore, output }.Select(Exists));

        _told.UnknownSince = null; // mended
        Assert.Equal((1, 1), ((await Run()) is var mended ? mended.Orphans : 0, mended.Expired));
    }

    [Fact]
    public async Task Run_NamesThatAreNone_StopNothingAndStay()
    {
        var blob = await Write(1);
        var (bytes, spec) = Payload(7);
        await Upload("ann", bytes, spec);
        var mark = Directory.GetFiles(Path.Combine(_folder.Path, "uploads")).Single();
        string[] foreign = [mark[..^3], mark + "é", Path.Combine(_folder.Path, "uploads", "x"), Path.Combine(_folder.Path, "partial", "a b"), Path.Combine(_folder.Path, "partial", ".nfs1")];
        foreach (var path in foreign) File.WriteAllBytes(path, [1]);
        foreach (var path in foreign) File.SetLastWriteTimeUtc(path, _clock.GetUtcNow().UtcDateTime);
        var met = UnreadableRecords.Count;
        _clock.Advance(TimeSpan.FromHours(7));

        Assert.Equal(1, (await Run()).Orphans);

        Assert.False(Exists(blob));
        Assert.NotNull(await _uploads.Find("ann", spec, Make.None));
        Assert.Equal(1, (await _uploads.UsedBy("ann", Make.None)).Count);
        Assert.True(UnreadableRecords.Count >= met + foreign.Length, $"{met} and then {UnreadableRecords.Count}");
        _clock.Advance(TimeSpan.FromDays(400));
        await Run();
        Assert.All(foreign, path => Assert.True(File.Exists(path)));
    }

    [Fact]
    public async Task Run_Upload_StaysADayBehindItsLastUseThenMarkAndContentGo()
    {
        var (bytes, spec) = Payload(7);
        await Upload("ann", bytes, spec);
        _clock.Advance(TimeSpan.FromHours(23));
        Assert.True((await Run()).IsNothing);
        Assert.NotNull(await _uploads.Find("ann", spec, Make.None)); // a task is submitted with it
        _clock.Advance(TimeSpan.FromHours(23));
        Assert.True((await Run()).IsNothing);

        _clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal(1, (await Run()).Orphans);
        Assert.Null(await _uploads.Find("ann", spec, Make.None));
        Assert.Empty(_uploads.Marks());
    }

    [Fact]
    public async Task Run_AbandonedPieces_GoButNotThoseOfARunningAttempt()
    {
        var id = TaskIds.New("ann", "1");
        foreach (var attempt in new[] { 1, 2 }) await _partials.Append(PartialIds.Output(id, attempt, "stdout"), 0, Content(3), 1 << 20, Make.None);
        await _partials.Append("up-half", 0, Content(3), 1 << 20, Make.None);
        foreach (var file in Directory.GetFiles(Path.Combine(_folder.Path, "partial"))) File.SetLastWriteTimeUtc(file, _clock.GetUtcNow().UtcDateTime);
        _told.Current = (id, 2);

        _clock.Advance(TimeSpan.FromHours(2));
        Assert.Equal(1, (await Run()).Partials);
        Assert.Equal(0, await _partials.Length(PartialIds.Output(id, 1, "stdout"), Make.None));
        _clock.Advance(TimeSpan.FromHours(22));
        Assert.Equal(1, (await Run()).Partials);
        Assert.Equal([PartialIds.Output(id, 2, "stdout")], _partials.All().Select(partial => partial.Id));
    }

    [Fact]
    public async Task Find_WhatAnotherUploaded_IsNotThere()
    {
        var (bytes, spec) = Payload(7);
        await Upload("ann", bytes, spec);
        Assert.Null(await _uploads.Find("bob", spec, Make.None));
        Assert.Equal(0, await _uploads.Position("bob", spec, Make.None));
        Assert.Equal(spec.Size, await _uploads.Position("ann", spec, Make.None));
    }

    [Fact]
    public async Task TryTakeAlone_WhileAnotherCollects_IsRefused()
    {
        var other = DirectoryFiles.Open(_folder.Path);
        using (Assert.IsAssignableFrom<IDisposable>(_files.Locks.TryTakeAlone("collector"))) Assert.Null(other.Locks.TryTakeAlone("collector"));
        using var next = other.Locks.TryTakeAlone("collector");
        Assert.NotNull(next);
        await Task.CompletedTask;
    }

    private Task<Collected> Run() => new FileCollector(_files, _partials, _uploads, _told, _limits, _clock).Run(Make.None);

    private Task<BlobRef> Write(int seed) => _files.Write(Content(seed), Make.None);

    private bool Exists(BlobRef blob) => File.Exists(_files.PathOf(blob.Sha256));

    private static byte[] Content(int seed)
    {
        var bytes = new byte[5000];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    private static (byte[] Bytes, UploadSpec Spec) Payload(int seed) =>
        (Content(seed), new(5000, Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Content(seed)))));

    private async Task Upload(string user, byte[] bytes, UploadSpec spec)
    {
        await _uploads.Append(user, spec, 0, bytes, Make.None);
        await _uploads.Complete(user, spec, Make.None);
        await _uploads.Find(user, spec, Make.None); // its time by this test's clock
    }

    private sealed class Told : IFileReferences
    {
        public HashSet<UInt128> Open { get; } = [];
        public Dictionary<string, DateTimeOffset> Ended { get; } = [];
        public List<string> Noted { get; } = [];
        public DateTimeOffset KnownFrom { get; set; }
        public (string, int) Current { get; set; }
        public Action WhenAskedForOpen { get; set; } = () => { };
        public Action WhenAskedForEnds { get; set; } = () => { };
        public Action WhenNoted { get; set; } = () => { };

        public DateTimeOffset? UnknownSince { get; set; }

        public Task<NamedFiles> NamedByOpenTasks(DateTimeOffset submittedBefore, CancellationToken cancel)
        {
            WhenAskedForOpen();
            return Task.FromResult(new NamedFiles(Open, UnknownSince));
        }

        public Task<IReadOnlyDictionary<string, DateTimeOffset>> LastEnded(IReadOnlyCollection<string> hashes, CancellationToken cancel)
        {
            WhenAskedForEnds();
            return Task.FromResult<IReadOnlyDictionary<string, DateTimeOffset>>(Ended.Where(end => hashes.Contains(end.Key)).ToDictionary());
        }

        public Task NoteExpired(IReadOnlyCollection<string> hashes, CancellationToken cancel)
        {
            if (hashes.Count > 0) WhenNoted();
            Noted.AddRange(hashes);
            return Task.CompletedTask;
        }

        public Task<DateTimeOffset> KnownSince(CancellationToken cancel) => Task.FromResult(KnownFrom);

        public Task<bool> IsCurrentAttempt(string taskId, int attempt) => Task.FromResult(Current == (taskId, attempt));
    }
}

using Orleans.Runtime.Hosting;
using Orleans.Serialization;
using Orleans.Serialization.Serializers;
using Orleans.Storage;

namespace HiveMind.Storage;

/// <summary>
/// The floor in a file of its own beside the silo, which is alone: SQLite with a write-ahead log, one writer with a group commit, readers
/// beside it (docs/adr/0030-floor-on-sqlite.md).
/// </summary>
internal sealed class EmbeddedFloor : Floor, IGuardedStore
{
    private readonly GroupCommit commit;
    private readonly SingleSiloMembership membership = new();

    private EmbeddedFloor(FloorOptions options, GroupCommit commit, FloorReaders readers) : base(options)
    {
        (this.commit, Readers) = (commit, readers);
        Meta = new FloorMeta(new EmbeddedMeta(commit, readers));
        Health = new EmbeddedHealth(commit, readers);
        Unfinished = new EmbeddedUnfinishedIndex(commit, readers);
        Nodes = new EmbeddedNodeIndex(commit, readers);
        Reminders = new EmbeddedReminders(commit, readers);
    }

    public override FloorMeta Meta { get; }

    public override FloorHealth Health { get; }

    public override IFloorIndex Unfinished { get; }

    public override INodeIndex Nodes { get; }

    internal FloorReaders Readers { get; }

    internal EmbeddedReminders Reminders { get; }

    /// <summary>Recovers what the directory holds and looks through all of it. StartRefused or StoreAway, with a line that says what to do.</summary>
    public static EmbeddedFloor Open(FloorOptions options, ILoggerFactory logs, TimeProvider time)
    {
        var log = logs.CreateLogger<EmbeddedFloor>();
        var (writer, stamp, note) = FloorFile.Open(options.Directory, log);
        var files = new FloorFilesGuard(options.Directory);
        var fault = new FloorFault(options.Directory, options.FailStop, log, time);
        return new(options, new GroupCommit(writer, stamp, note, files, fault), new FloorReaders(Path.Combine(options.Directory, FloorFile.Name), fault));
    }

    /// <summary>Grain storage without a silo around it: the same as a silo's.</summary>
    public IGrainStorage Storage(IServiceProvider services) => new EmbeddedGrainStorage(
        commit, Readers, new RecordSerializer(services.GetRequiredService<Serializer>()), services.GetRequiredService<IActivatorProvider>());

    /// <summary>For tests that prepare what the product never writes.</summary>
    internal Task<T> Write<T>(Func<FloorChange, T> work) => commit.Write(work);

    /// <summary>That entry of the index holds something else from now on.</summary>
    internal Task Overwrite(string taskId, byte[] record) => commit.Write(change =>
    {
        var task = FloorLayout.Task(taskId);
        var entry = change.FindEntry(task) ?? throw new ArgumentException($"Task {taskId} has no entry.", nameof(taskId));
        change.SetEntry(entry, task, entry.User, entry.Created, record, entry.Node);
        return true;
    });

    /// <summary>As <see cref="Overwrite"/>, of a reminder.</summary>
    internal Task OverwriteReminder(GrainId grain, string name, byte[] row) => commit.Write(change =>
    {
        change.Put(FloorLayout.Reminder(grain, name), Guid.NewGuid(), row);
        return true;
    });

    /// <summary>As <see cref="Overwrite"/>, of a grain's record; returns what was there.</summary>
    internal async Task<byte[]> OverwriteState(GrainId grain, string stateName, byte[] record)
    {
        var key = FloorLayout.State(grain, stateName);
        var found = Readers.Read(reader => reader.Find(key)) ?? throw new ArgumentException($"{grain} has no record.", nameof(grain));
        await commit.Write(change =>
        {
            change.Put(key, found.Etag, record);
            return true;
        });
        return found.Value;
    }

    public string? Problem() => commit.Problem();

    internal override void AddTo(ISiloBuilder silo)
    {
        silo.Services.AddSingleton<IGuardedStore>(this);
        silo.Services.AddSingleton<IMembershipTable>(membership);
        silo.AddReminders();
        silo.Services.AddSingleton<IReminderTable>(Reminders);
        silo.Services.AddGrainStorage(FloorNames.Storage, (services, _) => Guarded(Storage(services), services));
    }

    public override ValueTask DisposeAsync()
    {
        Readers.Dispose(); // first: the last connection to close moves the log into the file
        commit.Dispose();
        return ValueTask.CompletedTask;
    }
}

/// <summary>The floor's own record: one line a fact. Its sequence is the number of commits.</summary>
internal sealed class EmbeddedMeta(GroupCommit commit, FloorReaders readers) : IFloorMetaStore
{
    private static readonly byte[] Key = FloorLayout.Meta("floor");

    public Task<FloorMetaRecord?> Read()
    {
        var (facts, stamp) = readers.Read(reader => (reader.Find(Key), reader.Find(FloorLayout.Key(FloorLayout.StampKey))));
        if (facts is not { } found) return Task.FromResult<FloorMetaRecord?>(null);
        var lines = System.Text.Encoding.UTF8.GetString(found.Value).Split('\n');
        return Task.FromResult<FloorMetaRecord?>(new(
            lines[0], lines[1], lines[2], new FloorVersions(Number(lines[3]), Number(lines[4]), Number(lines[5])), FloorStamp.Of(stamp!.Value.Value).Sequence,
            lines.Length > 6 ? long.Parse(lines[6], System.Globalization.CultureInfo.InvariantCulture) : 0));

        static int Number(string line) => int.Parse(line, System.Globalization.CultureInfo.InvariantCulture);
    }

    public Task Create(FloorMetaRecord record) => commit.Write(change =>
    {
        if (change.Find(Key) is not null) return false;
        Put(change, record);
        return true;
    });

    public async Task Raise(FloorVersions to)
    {
        var record = await Read() ?? throw new InvalidOperationException("An empty floor has no versions.");
        await commit.Write(change =>
        {
            Put(change, record with { Versions = to });
            return true;
        });
    }

    public Task<long> Advance() => commit.Write(change =>
    {
        change.Touch();
        return change.Next;
    });

    public async Task Confirm(long sequence)
    {
        var record = await Read() ?? throw new InvalidOperationException("An empty floor has no books.");
        if (record.Confirmed >= sequence) return;
        await commit.Write(change =>
        {
            Put(change, record with { Confirmed = sequence });
            return true;
        });
    }

    public Task<bool> IsHalfACopy() => Task.FromResult(false);

    private static void Put(FloorChange change, FloorMetaRecord record) => change.Put(Key, Guid.Empty, FloorLayout.Key(FormattableString.Invariant(
        $"{record.FloorId}\n{record.BooksId}\n{record.FilesId}\n{record.Versions.Schema}\n{record.Versions.KeyLayout}\n{record.Versions.Serializer}\n{record.Confirmed}")));
}

/// <summary>A real commit, then read back by another connection.</summary>
internal sealed class EmbeddedHealth(GroupCommit commit, FloorReaders readers) : FloorHealth
{
    public override async Task<string?> Check(TimeSpan timeout)
    {
        try
        {
            var written = await commit.Write(change =>
            {
                change.Touch();
                return change.Next;
            }).WaitAsync(timeout);
            var stamp = readers.Read(reader => reader.Find(FloorLayout.Key(FloorLayout.StampKey)));
            return stamp is { } found && FloorStamp.Of(found.Value).Sequence >= written ? null : "a write reads back something else";
        }
        catch (Exception e) when (e is TimeoutException or HiveMindException)
        {
            return $"a write failed: {e.GetType().Name}";
        }
    }
}

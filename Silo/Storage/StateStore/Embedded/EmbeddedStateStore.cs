using Orleans.Runtime.Hosting;
using Orleans.Serialization;
using Orleans.Serialization.Serializers;
using Orleans.Storage;

namespace HiveMind.Storage;

/// <summary>
/// The state store in a file of its own beside the silo, which is alone: SQLite with a write-ahead log, one writer with a group commit, readers
/// beside it (docs/adr/0030-floor-on-sqlite.md).
/// </summary>
internal sealed class EmbeddedStateStore : StateStore, IGuardedStore
{
    private readonly GroupCommit commit;
    private readonly SingleSiloMembership membership = new();

    private EmbeddedStateStore(StateStoreOptions options, GroupCommit commit, StateStoreReaders readers) : base(options)
    {
        (this.commit, Readers) = (commit, readers);
        Meta = new StateStoreMeta(new EmbeddedMeta(commit, readers));
        Health = new EmbeddedHealth(commit, readers);
        Unfinished = new EmbeddedUnfinishedIndex(commit, readers);
        Nodes = new EmbeddedNodeIndex(commit, readers);
        Reminders = new EmbeddedReminders(commit, readers);
    }

    public override StateStoreMeta Meta { get; }

    public override StateStoreHealth Health { get; }

    public override IStateStoreIndex Unfinished { get; }

    public override INodeIndex Nodes { get; }

    internal StateStoreReaders Readers { get; }

    internal EmbeddedReminders Reminders { get; }

    /// <summary>Recovers what the directory holds and looks through all of it. StartRefused or StoreAway, with a line that says what to do.</summary>
    public static EmbeddedStateStore Open(StateStoreOptions options, ILoggerFactory logs, TimeProvider time)
    {
        var log = logs.CreateLogger<EmbeddedStateStore>();
        var (writer, stamp, note) = StateStoreFile.Open(options.Directory, log);
        var files = new StateStoreFilesGuard(options.Directory);
        var fault = new StateStoreFault(options.Directory, options.FailStop, log, time);
        return new(options, new GroupCommit(writer, stamp, note, files, fault), new StateStoreReaders(Path.Combine(options.Directory, StateStoreFile.Name), fault));
    }

    /// <summary>Grain storage without a silo around it: the same as a silo's.</summary>
    public IGrainStorage Storage(IServiceProvider services) => new EmbeddedGrainStorage(
        commit, Readers, new RecordSerializer(services.GetRequiredService<Serializer>()), services.GetRequiredService<IActivatorProvider>());

    /// <summary>For tests that prepare what the product never writes.</summary>
    internal Task<T> Write<T>(Func<StateStoreChange, T> work) => commit.Write(work);

    /// <summary>That entry of the index holds something else from now on.</summary>
    internal Task Overwrite(string taskId, byte[] record) => commit.Write(change =>
    {
        var task = StateStoreLayout.Task(taskId);
        var entry = change.FindEntry(task) ?? throw new ArgumentException($"Task {taskId} has no entry.", nameof(taskId));
        change.SetEntry(entry, task, entry.User, entry.Created, record, entry.Node);
        return true;
    });

    /// <summary>As <see cref="Overwrite"/>, of a reminder.</summary>
    internal Task OverwriteReminder(GrainId grain, string name, byte[] row) => commit.Write(change =>
    {
        change.Put(StateStoreLayout.Reminder(grain, name), Guid.NewGuid(), row);
        return true;
    });

    /// <summary>As <see cref="Overwrite"/>, of a grain's record; returns what was there.</summary>
    internal async Task<byte[]> OverwriteState(GrainId grain, string stateName, byte[] record)
    {
        var key = StateStoreLayout.State(grain, stateName);
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
        silo.Services.AddGrainStorage(StateStoreNames.Storage, (services, _) => Guarded(Storage(services), services));
    }

    public override ValueTask DisposeAsync()
    {
        Readers.Dispose(); // first: the last connection to close moves the log into the file
        commit.Dispose();
        return ValueTask.CompletedTask;
    }
}

/// <summary>The state store's own record: one line a fact. Its sequence is the number of commits.</summary>
internal sealed class EmbeddedMeta(GroupCommit commit, StateStoreReaders readers) : IStateStoreMetaStore
{
    private static readonly byte[] Key = StateStoreLayout.Meta("floor");

    public Task<StateStoreMetaRecord?> Read()
    {
        var (facts, stamp) = readers.Read(reader => (reader.Find(Key), reader.Find(StateStoreLayout.Key(StateStoreLayout.StampKey))));
        if (facts is not { } found) return Task.FromResult<StateStoreMetaRecord?>(null);
        var lines = System.Text.Encoding.UTF8.GetString(found.Value).Split('\n');
        return Task.FromResult<StateStoreMetaRecord?>(new(
            lines[0], lines[1], lines[2], new StateStoreVersions(Number(lines[3]), Number(lines[4]), Number(lines[5])), StateStoreStamp.Of(stamp!.Value.Value).Sequence,
            lines.Length > 6 ? long.Parse(lines[6], System.Globalization.CultureInfo.InvariantCulture) : 0));

        static int Number(string line) => int.Parse(line, System.Globalization.CultureInfo.InvariantCulture);
    }

    public Task Create(StateStoreMetaRecord record) => commit.Write(change =>
    {
        if (change.Find(Key) is not null) return false;
        Put(change, record);
        return true;
    });

    public async Task Raise(StateStoreVersions to)
    {
        var record = await Read() ?? throw new InvalidOperationException("An empty state store has no versions.");
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
        var record = await Read() ?? throw new InvalidOperationException("An empty state store has no database.");
        if (record.Confirmed >= sequence) return;
        await commit.Write(change =>
        {
            Put(change, record with { Confirmed = sequence });
            return true;
        });
    }

    public Task<bool> IsHalfACopy() => Task.FromResult(false);

    private static void Put(StateStoreChange change, StateStoreMetaRecord record) => change.Put(Key, Guid.Empty, StateStoreLayout.Key(FormattableString.Invariant(
        $"{record.StateStoreId}\n{record.DatabaseId}\n{record.FilesId}\n{record.Versions.Schema}\n{record.Versions.KeyLayout}\n{record.Versions.Serializer}\n{record.Confirmed}")));
}

/// <summary>A real commit, then read back by another connection.</summary>
internal sealed class EmbeddedHealth(GroupCommit commit, StateStoreReaders readers) : StateStoreHealth
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
            var stamp = readers.Read(reader => reader.Find(StateStoreLayout.Key(StateStoreLayout.StampKey)));
            return stamp is { } found && StateStoreStamp.Of(found.Value).Sequence >= written ? null : "a write reads back something else";
        }
        catch (Exception e) when (e is TimeoutException or HiveMindException)
        {
            return $"a write failed: {e.GetType().Name}";
        }
    }
}

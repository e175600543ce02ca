using HiveMind.Configuration;
using HiveMind.Hosting;

namespace HiveMind.Storage;

/// <summary>The three stores of one silo, opened and matched before anything is served, closed after everything has stopped.</summary>
public sealed class Stores : IAsyncDisposable
{
    private readonly DataDirectoryLock _lock;
    private readonly ILoggerFactory _logs;

    private Stores(DataDirectoryLock taken, ILoggerFactory logs, StateStore stateStore, SqliteDatabase database, DirectoryFiles files, string? adminCodeFile) =>
        (_lock, _logs, StateStore, Database, Files, AdminCodeFile) = (taken, logs, stateStore, database, files, adminCodeFile);

    public StateStore StateStore { get; }
    public SqliteDatabase Database { get; }
    public DirectoryFiles Files { get; }
    /// <summary>Where the one-time admin code lies while it can still be used.</summary>
    public string? AdminCodeFile { get; }

    /// <param name="options">Where they are.</param>
    /// <param name="acceptLostStateStore">What the operator gives up, as the flags say.</param>
    /// <param name="acceptLostDatabase">As above.</param>
    /// <param name="acceptOlderDatabase">As above.</param>
    /// <param name="locked">The data directory, where the caller has it already; it is given back with the stores, or when they cannot be opened.</param>
    public static async Task<Stores> Open(
        PoolOptions options, bool acceptLostStateStore, bool acceptLostDatabase = false, bool acceptOlderDatabase = false, DataDirectoryLock? locked = null)
    {
        var taken = locked ?? await DataDirectoryLock.Take(options.DataDirectory, Say, SteadyClock.OfProcess);
        var logs = Logs();
        SqliteDatabase? database = null;
        StateStore? stateStore = null;
        try
        {
            database = SqliteDatabase.Open(options.Books.ConnectionString, options.DataDirectory, SteadyClock.OfProcess);
            TakeLease(database);
            if (acceptLostDatabase && database.StateStoreId is null) LostDatabase.RenameStateStore(options);
            if (options.IsEmbedded) PrivateDirectory.Ensure(options.StateStoreDirectory, "The state store's directory");
            PrivateDirectory.Ensure(options.FilesDirectory, "The files directory", isVolume: options.Files.Directory.Length > 0);
            if (options.IsEmbedded) StateStoreMoved.Refuse(options.StateStoreDirectory);
            var files = DirectoryFiles.Open(options.FilesDirectory, SteadyClock.OfProcess);
            stateStore = await StateStore.Start(new StateStoreOptions
            {
                ConnectionString = options.Redis.ConnectionString, Directory = options.StateStoreDirectory, ServiceId = options.Cluster.ClusterId,
                ClusterId = options.Cluster.ClusterId, AllowLossOnCrash = options.Redis.AllowLossOnCrash, StartPatience = options.Redis.StartPatience,
                Say = Say,
            }, logs, SteadyClock.OfProcess);
            await stateStore.Meta.Join(new DatabaseIdentity(database), files.FilesId, acceptLostStateStore, acceptOlderDatabase);
            return new(taken, logs, stateStore, database, files, await database.EnsureAdminCode(options.DataDirectory));
        }
        catch
        {
            if (stateStore is not null) await stateStore.DisposeAsync();
            database?.Dispose();
            logs.Dispose();
            taken.Dispose();
            throw;
        }
    }

    internal static void Say(string text) => Console.Error.WriteLine($"hivemind: {text}");

    private static void TakeLease(SqliteDatabase database)
    {
        try
        {
            database.TakeLease();
        }
        catch (StoreRefusedException other)
        {
            throw new StoreAwayException(other.Message); // it runs out when the other silo is gone
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StateStore.DisposeAsync();
        Database.Dispose();
        _logs.Dispose();
        _lock.Dispose();
    }

    /// <summary>The stores are there before the host and after it: what they have to say goes to stderr as the host's lines do.</summary>
    private static ILoggerFactory Logs() => LoggerFactory.Create(logging => ConsoleLines.AddTo(logging).SetMinimumLevel(LogLevel.Warning));
}

/// <summary>What the state store needs to know of the database.</summary>
internal sealed class DatabaseIdentity(SqliteDatabase database) : IStoreIdentity
{
    public string DatabaseId => database.DatabaseId;
    public string? StateStoreId => database.StateStoreId;
    public long NotedSequence => database.NotedSequence;
    public Task NoteStateStore(string stateStoreId, long sequence) => database.NoteStateStore(stateStoreId, sequence);
}

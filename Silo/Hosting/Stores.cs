using HiveMind.Configuration;
using HiveMind.Hosting;

namespace HiveMind.Storage;

/// <summary>The three stores of one silo, opened and matched before anything is served, closed after everything has stopped.</summary>
public sealed class Stores : IAsyncDisposable
{
    private readonly DataDirectoryLock _lock;
    private readonly ILoggerFactory _logs;

    private Stores(DataDirectoryLock taken, ILoggerFactory logs, Floor floor, SqliteBooks books, DirectoryFiles files, string? adminCodeFile) =>
        (_lock, _logs, Floor, Books, Files, AdminCodeFile) = (taken, logs, floor, books, files, adminCodeFile);

    public Floor Floor { get; }
    public SqliteBooks Books { get; }
    public DirectoryFiles Files { get; }
    /// <summary>Where the one-time admin code lies while it can still be used.</summary>
    public string? AdminCodeFile { get; }

    /// <param name="options">Where they are.</param>
    /// <param name="acceptLostFloor">What the operator gives up, as the flags say.</param>
    /// <param name="acceptLostBooks">As above.</param>
    /// <param name="acceptOlderBooks">As above.</param>
    /// <param name="locked">The data directory, where the caller has it already; it is given back with the stores, or when they cannot be opened.</param>
    public static async Task<Stores> Open(
        PoolOptions options, bool acceptLostFloor, bool acceptLostBooks = false, bool acceptOlderBooks = false, DataDirectoryLock? locked = null)
    {
        var taken = locked ?? await DataDirectoryLock.Take(options.DataDirectory, Say, SteadyClock.OfProcess);
        var logs = Logs();
        SqliteBooks? books = null;
        Floor? floor = null;
        try
        {
            books = SqliteBooks.Open(options.Books.ConnectionString, options.DataDirectory, SteadyClock.OfProcess);
            TakeLease(books);
            if (acceptLostBooks && books.FloorId is null) LostBooks.PutFloorAside(options);
            if (options.IsEmbedded) PrivateDirectory.Ensure(options.FloorDirectory, "The floor's directory");
            PrivateDirectory.Ensure(options.FilesDirectory, "The files directory", isVolume: options.Files.Directory.Length > 0);
            if (options.IsEmbedded) FloorMoved.Refuse(options.FloorDirectory);
            var files = DirectoryFiles.Open(options.FilesDirectory, SteadyClock.OfProcess);
            floor = await Floor.Start(new FloorOptions
            {
                ConnectionString = options.Redis.ConnectionString, Directory = options.FloorDirectory, ServiceId = options.Cluster.ClusterId,
                ClusterId = options.Cluster.ClusterId, AllowLossOnCrash = options.Redis.AllowLossOnCrash, StartPatience = options.Redis.StartPatience,
                Say = Say,
            }, logs, SteadyClock.OfProcess);
            await floor.Meta.Join(new BooksIdentity(books), files.FilesId, acceptLostFloor, acceptOlderBooks);
            return new(taken, logs, floor, books, files, await books.EnsureAdminCode(options.DataDirectory));
        }
        catch
        {
            if (floor is not null) await floor.DisposeAsync();
            books?.Dispose();
            logs.Dispose();
            taken.Dispose();
            throw;
        }
    }

    internal static void Say(string text) => Console.Error.WriteLine($"hivemind: {text}");

    private static void TakeLease(SqliteBooks books)
    {
        try
        {
            books.TakeLease();
        }
        catch (StoreRefusedException other)
        {
            throw new StoreAwayException(other.Message); // it runs out when the other silo is gone
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Floor.DisposeAsync();
        Books.Dispose();
        _logs.Dispose();
        _lock.Dispose();
    }

    /// <summary>The stores are there before the host and after it: what they have to say goes to stderr as the host's lines do.</summary>
    private static ILoggerFactory Logs() => LoggerFactory.Create(logging => ConsoleLines.AddTo(logging).SetMinimumLevel(LogLevel.Warning));
}

/// <summary>What the floor needs to know of the books.</summary>
internal sealed class BooksIdentity(SqliteBooks books) : IStoreIdentity
{
    public string BooksId => books.BooksId;
    public string? FloorId => books.FloorId;
    public long NotedSequence => books.NotedSequence;
    public Task NoteFloor(string floorId, long sequence) => books.NoteFloor(floorId, sequence);
}

using HiveMind.Configuration;

namespace HiveMind.Storage;

/// <summary>The three stores of one silo, opened and matched before anything is served, closed after everything has stopped.</summary>
public sealed class Stores : IAsyncDisposable
{
    private readonly DataDirectoryLock _lock;

    private Stores(DataDirectoryLock taken, Floor floor, SqliteBooks books, DirectoryFiles files, string? adminCodeFile) =>
        (_lock, Floor, Books, Files, AdminCodeFile) = (taken, floor, books, files, adminCodeFile);

    public Floor Floor { get; }
    public SqliteBooks Books { get; }
    public DirectoryFiles Files { get; }
    /// <summary>Where the one-time admin code lies while it can still be used.</summary>
    public string? AdminCodeFile { get; }

    public static async Task<Stores> Open(PoolOptions options, bool acceptLostFloor)
    {
        var taken = DataDirectoryLock.Take(options.DataDirectory);
        SqliteBooks? books = null;
        Floor? floor = null;
        try
        {
            books = await SqliteBooks.Open(options.BooksConnection, TimeProvider.System);
            var files = DirectoryFiles.Open(options.FilesDirectory);
            floor = await Floor.Start(new FloorOptions
            {
                ConnectionString = options.Redis.ConnectionString, Directory = options.FloorDirectory, ServiceId = options.Cluster.ClusterId,
                ClusterId = options.Cluster.ClusterId,
            });
            await floor.Meta.Join(books, files.FilesId, acceptLostFloor);
            return new(taken, floor, books, files, await books.EnsureAdminCode(options.DataDirectory));
        }
        catch
        {
            if (floor is not null) await floor.DisposeAsync();
            if (books is not null) await books.DisposeAsync();
            taken.Dispose();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Floor.DisposeAsync();
        await Books.DisposeAsync();
        _lock.Dispose();
    }
}

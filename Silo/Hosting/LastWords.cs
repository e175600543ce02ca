using HiveMind.Storage;
using Microsoft.Data.Sqlite;
using Orleans.Runtime.MembershipService;
using StackExchange.Redis;

namespace HiveMind.Hosting;

/// <summary>From whatever ended a silo to its exit code and one line per problem: no stack trace reaches whoever started it.</summary>
internal static class LastWords
{
    public const string DetailsFile = "last-error.txt";
    private const int SqliteBusy = 5, SqliteLocked = 6, SqliteNoMemory = 7, SqliteDiskError = 10, SqliteFull = 13;

    /// <summary>Pure: code and lines.</summary>
    public static (int Code, IReadOnlyList<string> Lines) Of(Exception error)
    {
        for (var e = error; e is not null; e = e.InnerException)
        {
            switch (e)
            {
                case StartRefusedException refused: return (SiloHost.BadConfiguration, refused.Problems);
                case StoreAwayException away: return (SiloHost.StoreAway, [away.Message]);
                case StoreRefusedException { InnerException: SqliteException { SqliteErrorCode: SqliteBusy or SqliteLocked or SqliteNoMemory or SqliteDiskError or SqliteFull } } store:
                    return (SiloHost.StoreAway, [store.Message]);
                case StoreRefusedException store: return (SiloHost.BadConfiguration, [store.Message]);
                case HiveMindException { Kind: FailureKind.Unavailable or FailureKind.ResourceExhausted } failure: return (SiloHost.StoreAway, [failure.Message]);
                case RedisException or TimeoutException: return (SiloHost.StoreAway, [$"A store stopped answering ({e.GetType().Name})."]);
                case SqliteException { SqliteErrorCode: SqliteBusy or SqliteLocked or SqliteNoMemory or SqliteDiskError or SqliteFull } sqlite: return (SiloHost.StoreAway, [$"The database: {OneLine(sqlite)}"]);
                case IOException io when DiskError.IsFull(io): return (SiloHost.StoreAway, [$"The silo cannot go on: the disk is full. Make room in the data directory ({OneLine(io)})."]);
                case OrleansClusterConnectivityCheckFailedException:
                    return (SiloHost.StoreAway, ["The other silos of the pool do not answer this one: look at the network between them, and at Cluster:AdvertisedAddress."]);
            }
        }

        return (SiloHost.Unexpected, [$"ended by an unexpected error ({error.GetType().Name}: {OneLine(error)})."]);
    }

    /// <summary>Says it, keeps the details of what nobody thought of, and gives the code.</summary>
    public static int Say(Exception error, string? dataDirectory)
    {
        var (code, lines) = Of(error);
        foreach (var line in lines) Console.Error.WriteLine($"hivemind: {line}");
        if (code == SiloHost.Unexpected && Keep(error, dataDirectory) is { } file) Console.Error.WriteLine($"hivemind: details are in {file}");
        return code;
    }

    private static string? Keep(Exception error, string? dataDirectory)
    {
        if (dataDirectory is null || !Directory.Exists(dataDirectory)) return null;
        try
        {
            var file = Path.Combine(dataDirectory, DetailsFile);
            var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            using var writer = new StreamWriter(file, options);
            writer.WriteLine($"{TimeProvider.System.GetUtcNow():O}");
            writer.WriteLine(error);
            return file;
        }
        catch (Exception full) when (full is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static string OneLine(Exception error) => error.Message.ReplaceLineEndings(" ");
}

using System.Collections.Concurrent;

namespace HiveMind.Storage;

/// <summary>
/// What this process has met and could not read: a grain's record, a row of the database, a mark beside the files. Each is logged once, with its key and nothing
/// of what is in it, and counted until it can be read. Nobody deletes any.
/// </summary>
internal static partial class UnreadableRecords
{
    /// <summary>More are neither kept nor logged: they have one cause by then.</summary>
    private const int MostKept = 10_000;

    private static readonly ConcurrentDictionary<string, bool> Met = [];
    private static int _count;
    private static ILogger _log = Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance;

    public static long Count => Volatile.Read(ref _count);

    /// <param name="record">Its kind and key.</param>
    /// <param name="cause">Its type is logged, never its text: that may quote the record.</param>
    public static void Meet(string record, Exception? cause = null)
    {
        if (Count >= MostKept || !Met.TryAdd(record, true)) return;
        Interlocked.Increment(ref _count);
        LogUnreadable(_log, record, cause?.GetBaseException().GetType().Name ?? "its version, or what is in it, is unknown");
    }

    /// <summary>Stores are opened before there is a log: from here on there is one.</summary>
    public static void LogTo(ILogger log) => _log = log;

    /// <summary>It was read: mended, or this program is the later one now.</summary>
    public static void Read<T>(T record) where T : struct, IFormattable
    {
        if (Count > 0 && Met.TryRemove(record.ToString(null, null), out _)) Interlocked.Decrement(ref _count);
    }

    [LoggerMessage(LogLevel.Error, "The record {Record} cannot be read ({Cause}): damaged, or written by a later program. It is left as it is, and all else goes on")]
    private static partial void LogUnreadable(ILogger log, string record, string cause);
}

using System.Buffers.Binary;
using System.Globalization;
using System.IO.Hashing;
using System.Text;
using HiveMind.Tasks;

namespace HiveMind.Storage;

/// <summary>
/// How the embedded state store lies in its file. Two tables: `records` (grain state, reminders, node ids, `meta`: by a key) and `unfinished` (the index
/// and its lists). Every row carries a checksum over all it holds; row 1 of `records`, the stamp, carries the number of commits, the number
/// of rows and the sum of all checksums, so that also a row which is missing or back from the dead is found.
/// </summary>
internal static class StateStoreLayout
{
    /// <summary>Key of the stamp's row, and its place.</summary>
    public const string StampKey = "m/commit";
    public const long StampId = 1;

    public static readonly string[] Schema =
    [
        "CREATE TABLE records (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, etag BLOB NOT NULL, value BLOB NOT NULL, sum INTEGER NOT NULL)",
        "CREATE TABLE unfinished (id INTEGER PRIMARY KEY, task BLOB NOT NULL UNIQUE, user BLOB NOT NULL, created INTEGER NOT NULL, "
            + "record BLOB NOT NULL, node BLOB, sum INTEGER NOT NULL)",
        "CREATE INDEX unfinished_mine ON unfinished (user, created, task)",
        "CREATE INDEX unfinished_open ON unfinished (created, task)",
    ];

    public static byte[] State(GrainId grain, string stateName) => Key($"s/{grain}/{stateName}");

    public static byte[] Node(string nodeId) => Key($"n/{nodeId}");

    public static byte[] Meta(string name) => Key($"m/{name}");

    /// <summary>In the order of the ring: hash first.</summary>
    public static byte[] Reminder(GrainId grain, string name) => Key(string.Create(CultureInfo.InvariantCulture, $"r/{grain.GetUniformHashCode():X8}/{grain}\0{name}"));

    /// <summary>Above every reminder of that hash, below every one of the next.</summary>
    public static byte[] AfterReminders(uint hash) => Key(string.Create(CultureInfo.InvariantCulture, $"r/{hash:X8}0"));

    /// <summary>Above every key that begins with the prefix: '0' follows '/'.</summary>
    public static byte[] After(char kind) => Key($"{kind}0");

    public static byte[] Key(string key) => Encoding.UTF8.GetBytes(key);

    /// <summary>The task id's own bytes; refused is what is no task id.</summary>
    public static byte[] Task(string taskId) =>
        TaskIds.IsValid(taskId) ? Convert.FromHexString(taskId) : throw new ArgumentException($"'{taskId}' is no task id.", nameof(taskId));

    public static long Sum(ReadOnlySpan<byte> key, ReadOnlySpan<byte> etag, ReadOnlySpan<byte> value) => Hash(value, Hash(etag, Hash(key, 1)));

    public static long Sum(ReadOnlySpan<byte> task, ReadOnlySpan<byte> user, long created, ReadOnlySpan<byte> record, ReadOnlySpan<byte> node)
    {
        Span<byte> time = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(time, created);
        return Hash(node, Hash(record, Hash(time, Hash(user, Hash(task, 2)))));
    }

    // The length goes in too: what moves from one field into the next is another row.
    private static long Hash(ReadOnlySpan<byte> bytes, long seed) => unchecked((long)XxHash3.HashToUInt64(bytes, seed) + bytes.Length);
}

/// <summary>What a commit leaves behind: how many there were, how many rows stand, the sum of their checksums.</summary>
internal readonly record struct StateStoreStamp(long Sequence, long Rows, long Sum)
{
    public const int Size = 24;

    public byte[] ToBytes()
    {
        var bytes = new byte[Size];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, Sequence);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(8), Rows);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(16), Sum);
        return bytes;
    }

    public static StateStoreStamp Of(ReadOnlySpan<byte> bytes) => bytes.Length < Size ? default : new(
        BinaryPrimitives.ReadInt64LittleEndian(bytes), BinaryPrimitives.ReadInt64LittleEndian(bytes[8..]), BinaryPrimitives.ReadInt64LittleEndian(bytes[16..]));
}

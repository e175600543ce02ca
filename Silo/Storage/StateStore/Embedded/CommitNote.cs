using System.Buffers.Binary;
using System.IO.Hashing;

namespace HiveMind.Storage;

/// <summary>
/// The last commit's stamp in a small file of its own, written after the commit and before its answers go out: SQLite takes what is readable of
/// its write-ahead log and silently leaves the rest, and only this says how far it went. Two places in turn, each with a checksum. Never synced: it is
/// written after the commit's own fsync, so after a power cut it may be behind the database, and never ahead of it.
/// </summary>
internal sealed class CommitNote : IDisposable
{
    public const string FileName = "commits";
    private const int Place = 4096; // apart, so that one damaged block takes one of them
    private const int Length = StateStoreStamp.Size + sizeof(long);
    private readonly FileStream file;

    private CommitNote(FileStream file) => this.file = file;

    /// <summary>Makes the file where it is missing, with its whole length at once: a later note needs no room.</summary>
    public static CommitNote Open(string directory)
    {
        var file = new FileStream(Path.Combine(directory, FileName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, bufferSize: 0);
        try
        {
            if (file.Length < 2 * Place)
            {
                file.Write(new byte[2 * Place]);
                file.Flush(flushToDisk: true);
            }

            return new(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The newest note that is whole; null when there is none.</summary>
    public static StateStoreStamp? Read(string directory)
    {
        var path = Path.Combine(directory, FileName);
        if (!File.Exists(path)) return null;
        var bytes = File.ReadAllBytes(path);
        StateStoreStamp? newest = null;
        for (var place = 0; place + Length <= bytes.Length && place <= Place; place += Place)
        {
            if (Whole(bytes.AsSpan(place, Length)) is { } note && (newest is null || note.Sequence > newest.Value.Sequence)) newest = note;
        }

        return newest;
    }

    public void Write(StateStoreStamp stamp)
    {
        Span<byte> note = stackalloc byte[Length];
        stamp.ToBytes().CopyTo(note);
        BinaryPrimitives.WriteUInt64LittleEndian(note[StateStoreStamp.Size..], XxHash3.HashToUInt64(note[..StateStoreStamp.Size]));
        RandomAccess.Write(file.SafeFileHandle, note, (stamp.Sequence & 1) * Place);
    }

    public void Dispose() => file.Dispose();

    private static StateStoreStamp? Whole(ReadOnlySpan<byte> note)
    {
        var stamp = note[..StateStoreStamp.Size];
        return BinaryPrimitives.ReadUInt64LittleEndian(note[StateStoreStamp.Size..]) == XxHash3.HashToUInt64(stamp) && StateStoreStamp.Of(stamp).Sequence > 0
            ? StateStoreStamp.Of(stamp) : null;
    }
}

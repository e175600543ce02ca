using HiveMind.Tasks;

namespace HiveMind.Storage;

/// <summary>
/// Payloads that users send before they submit tasks with them. An upload belongs to who sent it: the hash alone opens nothing, or whoever
/// knows it could run what another has sent.
/// </summary>
public interface IUploads
{
    /// <summary>ResourceExhausted DISK_FULL when so much more has no room.</summary>
    Task RequireRoom(long bytes, CancellationToken cancel);

    /// <summary>All that this user has sent and that is still kept as an upload, whole or not.</summary>
    Task<UploadUse> UsedBy(string userId, CancellationToken cancel);

    /// <summary>How much of it is here; its size when all of it is.</summary>
    Task<long> Position(string userId, UploadSpec upload, CancellationToken cancel);

    /// <summary>The position afterwards; an offset that is not the position changes nothing.</summary>
    Task<long> Append(string userId, UploadSpec upload, long offset, ReadOnlyMemory<byte> bytes, CancellationToken cancel);

    /// <summary>All bytes are here: checked against the hash and durable when this returns.</summary>
    Task Complete(string userId, UploadSpec upload, CancellationToken cancel);

    /// <summary>The payload, if this user has uploaded it and it is still here; it then stays for another while.</summary>
    Task<BlobRef?> Find(string userId, UploadSpec upload, CancellationToken cancel);
}

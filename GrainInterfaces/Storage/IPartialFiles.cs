using HiveMind.Tasks;

namespace HiveMind.Storage;

/// <summary>
/// Bytes that arrive in pieces: a payload being uploaded, the output of a program that still runs. The length is the position from which
/// whoever sends goes on, after a cut connection or a restart of the hub; nothing of it is durable before <see cref="Complete"/>.
/// Silos that share the files see the same pieces.
/// </summary>
public interface IPartialFiles
{
    /// <summary>0 when there is none.</summary>
    Task<long> Length(string id, CancellationToken cancel);

    /// <summary>
    /// The length afterwards. An offset that is not the length changes nothing. ResourceExhausted, with nothing changed, above the limit or
    /// on a disk with too little room left; Unavailable when the disk is away.
    /// </summary>
    Task<long> Append(string id, long offset, ReadOnlyMemory<byte> bytes, long limit, CancellationToken cancel);

    /// <summary>
    /// Hashed, durable and a blob like any other; the partial file is gone. FailedPrecondition when it has another size; InvalidArgument, and
    /// the pieces are thrown away, when the hash is not the one that was promised (null: none was).
    /// </summary>
    Task<BlobRef> Complete(string id, long size, string? sha256, CancellationToken cancel);

    /// <summary>For reading while it grows; null when there is none.</summary>
    Stream? OpenRead(string id);

    Task Delete(string id);
}

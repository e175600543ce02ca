using HiveMind.Tasks;

namespace HiveMind.Storage;

/// <summary>
/// Files that arrive in pieces and may be continued after a cut, on any silo that shares the directory. Ids are names made by the hub
/// ([A-Za-z0-9._-]{1,128}, not beginning with a dot). What nobody continues is removed in time.
/// </summary>
public interface IPartialFiles
{
    /// <summary>How much of it is there; 0 when there is none.</summary>
    Task<long> Length(string id, CancellationToken cancel);
    /// <summary>
    /// The new length. An offset that is not the length changes nothing and gives the length back; above the limit: ResourceExhausted,
    /// nothing changed. Not durable by itself: <see cref="Complete"/> is.
    /// </summary>
    Task<long> Append(string id, long offset, ReadOnlyMemory<byte> bytes, long limit, CancellationToken cancel);
    /// <summary>
    /// Makes it an ordinary file (or an inline blob when small), durable when this returns; the partial one is gone. FailedPrecondition
    /// PARTIAL_INCOMPLETE when the length is another; InvalidArgument naming `sha256` when the bytes are not the promised ones, which are then gone.
    /// </summary>
    Task<BlobRef> Complete(string id, long size, string? sha256, CancellationToken cancel);
    /// <summary>Null when there is none. What is appended later can be read on; the stream stays good after completion.</summary>
    Stream? OpenRead(string id);
    Task Delete(string id);
}

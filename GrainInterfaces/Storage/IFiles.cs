using HiveMind.Tasks;

namespace HiveMind.Storage;

/// <summary>Payloads and results above 4 KiB, addressed by SHA-256: written aside while hashed, fsynced, renamed.</summary>
public interface IFiles
{
    /// <summary>Inline when small, else on disk (durable) when this returns. Failure kinds: Unavailable; for new work Exhausted,
    /// which leaves room for the outputs of what is under way.</summary>
    Task<BlobRef> Write(ReadOnlyMemory<byte> bytes, CancellationToken cancel, bool isNewWork = false);
    /// <summary>The whole content; RESULT_DAMAGED where it is not what was written.</summary>
    Task<byte[]> Read(BlobRef blob, CancellationToken cancel);
    /// <summary>Hashed while it is read: its end is not reached where it is not what was written (RESULT_DAMAGED).</summary>
    Stream OpenRead(BlobRef blob);
}

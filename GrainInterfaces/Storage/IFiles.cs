using HiveMind.Tasks;

namespace HiveMind.Storage;

/// <summary>Payloads and results above 4 KiB, addressed by SHA-256: written aside while hashed, fsynced, renamed.</summary>
public interface IFiles
{
    /// <summary>Inline when small, else on disk (durable) when this returns. Failure kind: Unavailable.</summary>
    Task<BlobRef> Write(ReadOnlyMemory<byte> bytes, CancellationToken cancel);
    /// <summary>The whole content.</summary>
    Task<byte[]> Read(BlobRef blob, CancellationToken cancel);
    Stream OpenRead(BlobRef blob);
}

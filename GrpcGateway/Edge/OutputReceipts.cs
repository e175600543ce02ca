using System.Security.Cryptography;
using System.Text;
using HiveMind.Storage;
using HiveMind.Tasks;

namespace HiveMind.Edge;

/// <summary>
/// Proof that this attempt on this node sent those bytes: a keyed hash, and behind it the bytes themselves when they are too small for a
/// file. Nothing is kept at the hub, and every silo on the same database can check it. Without it a node could claim any stored blob.
/// </summary>
internal sealed class OutputReceipts(IPoolDatabase database)
{
    private const int MacLength = 32;

    public byte[] Issue(string nodeId, string taskId, int attempt, BlobRef blob) =>
        [.. Mac(nodeId, taskId, attempt, blob.Sha256, blob.Size), .. blob.Inline ?? []];

    /// <summary>The blob a receipt stands for, or null when it is not ours for exactly these.</summary>
    public BlobRef? Redeem(string nodeId, string taskId, int attempt, string sha256, long size, ReadOnlySpan<byte> receipt)
    {
        if (receipt.Length < MacLength) return null;
        if (!CryptographicOperations.FixedTimeEquals(receipt[..MacLength], Mac(nodeId, taskId, attempt, sha256, size))) return null;
        if (receipt.Length == MacLength) return size == 0 ? BlobRef.Empty : new BlobRef(size, sha256, null);
        var inline = receipt[MacLength..].ToArray();
        return inline.Length == size && Convert.ToHexStringLower(SHA256.HashData(inline)) == sha256 ? new BlobRef(size, sha256, inline) : null;
    }

    private byte[] Mac(string nodeId, string taskId, int attempt, string sha256, long size)
    {
        var key = HMACSHA256.HashData(database.TokenTagKey, "hivemind output receipt 1"u8);
        return HMACSHA256.HashData(key, Encoding.UTF8.GetBytes($"{nodeId}\n{taskId}\n{attempt}\n{sha256}\n{size}"));
    }
}

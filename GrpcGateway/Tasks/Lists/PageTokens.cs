using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using HiveMind.Storage;

namespace HiveMind.Tasks;

/// <summary>
/// Page tokens: the key below which the next page begins, with a keyed hash over it and the filter. Nothing is kept at the hub, and every
/// silo on the same database can read it; one that was changed, or comes with another filter, is refused.
/// </summary>
internal sealed class PageTokens(IPoolDatabase database)
{
    private const byte Version = 1;
    private const int IdLength = 16, MacLength = 16, BodyLength = 1 + sizeof(long) + IdLength;

    public string Issue(TaskKey below, TaskFilter filter)
    {
        Span<byte> token = stackalloc byte[BodyLength + MacLength];
        token[0] = Version;
        BinaryPrimitives.WriteInt64BigEndian(token[1..], below.CreatedMs);
        Convert.FromHexString(below.TaskId, token.Slice(1 + sizeof(long), IdLength), out _, out _);
        Mac(token[..BodyLength], filter).AsSpan(0, MacLength).CopyTo(token[BodyLength..]);
        return Base64Url.EncodeToString(token);
    }

    /// <summary>Null when it is not ours, or was given out for another filter.</summary>
    public TaskKey? Read(string text, TaskFilter filter)
    {
        Span<byte> token = stackalloc byte[BodyLength + MacLength];
        if (text.Length != Base64Url.GetEncodedLength(token.Length) || !Base64Url.IsValid(text)) return null;
        if (!Base64Url.TryDecodeFromChars(text, token, out var length) || length != token.Length || token[0] != Version) return null;
        if (!CryptographicOperations.FixedTimeEquals(token[BodyLength..], Mac(token[..BodyLength], filter).AsSpan(0, MacLength))) return null;
        return new TaskKey(
            BinaryPrimitives.ReadInt64BigEndian(token[1..]), Convert.ToHexStringLower(token.Slice(1 + sizeof(long), IdLength)));
    }

    private byte[] Mac(ReadOnlySpan<byte> body, TaskFilter filter)
    {
        var key = HMACSHA256.HashData(database.TokenTagKey, "hivemind page token 1"u8);
        var states = string.Join(',', filter.States.Select(state => (int)state).Distinct().Order());
        var text = $"{filter.UserId ?? "*"}\n{states}\n{filter.TaskType}\n{filter.FromMs}\n{filter.BeforeMs}";
        byte[] said = [.. body, .. Encoding.UTF8.GetBytes(text)];
        return HMACSHA256.HashData(key, said);
    }
}

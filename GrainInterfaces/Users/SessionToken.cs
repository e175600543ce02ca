using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace HiveMind.Users;

/// <summary>
/// `hms_{user id}.{session id}.{secret}.{tag}`: the secret is 256 random bits of which only SHA-256 is stored; the tag lets a gateway
/// refuse garbage without waking a grain. A node token has the same shape with `hmn_{node id}..{secret}.{tag}`.
/// </summary>
public sealed record SessionToken(string Prefix, string Subject, string SessionId, byte[] Secret)
{
    public const string SessionPrefix = "hms", NodePrefix = "hmn";
    private const char Separator = '~';

    public byte[] SecretHash => SHA256.HashData(Secret);

    public static SessionToken NewSession(string userId) =>
        new(SessionPrefix, userId, Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(9)), RandomNumberGenerator.GetBytes(32));

    public static SessionToken NewNode(string nodeId) => new(NodePrefix, nodeId, "", RandomNumberGenerator.GetBytes(32));

    public string Format(byte[] tagKey)
    {
        var body = $"{Prefix}_{Subject}{Separator}{SessionId}{Separator}{Base64Url.EncodeToString(Secret)}";
        return $"{body}{Separator}{Tag(body, tagKey)}";
    }

    /// <summary>Null for anything that this pool did not make.</summary>
    public static SessionToken? TryParse(string? text, byte[] tagKey)
    {
        if (text is null || text.Length is < 20 or > 300) return null;
        var cut = text.LastIndexOf(Separator);
        if (cut < 4 || text[3] != '_') return null;
        var body = text[..cut];
        if (!CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(Tag(body, tagKey)), Encoding.UTF8.GetBytes(text[(cut + 1)..]))) return null;
        var parts = body[4..].Split(Separator);
        if (parts.Length != 3 || !Base64Url.IsValid(parts[2])) return null;
        var prefix = body[..3];
        return prefix is SessionPrefix or NodePrefix ? new(prefix, parts[0], parts[1], Base64Url.DecodeFromChars(parts[2])) : null;
    }

    private static string Tag(string body, byte[] key) =>
        Base64Url.EncodeToString(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(body)).AsSpan(0, 8));
}

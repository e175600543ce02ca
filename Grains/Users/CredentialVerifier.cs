using System.Security.Cryptography;
using System.Text;

namespace HiveMind.Users;

/// <summary>
/// Strong at rest, fast when repeated: after one full check of a password its keyed digest is remembered in memory only, bound to the
/// hash it was checked against. The key is made by this process and dies with it.
/// </summary>
public sealed class CredentialVerifier
{
    private static readonly byte[] ProcessKey = RandomNumberGenerator.GetBytes(32);
    private (string Stored, byte[] Digest)? _known;

    public bool Knows(string password, string storedHash) =>
        _known is { } known && known.Stored == storedHash && CryptographicOperations.FixedTimeEquals(known.Digest, Digest(password));

    public void Remember(string password, string storedHash) => _known = (storedHash, Digest(password));

    private static byte[] Digest(string password) => HMACSHA256.HashData(ProcessKey, Encoding.UTF8.GetBytes(password));
}

using System.Security.Cryptography;
using System.Text;

namespace HiveMind.Users;

/// <summary>
/// Strong at rest, fast when repeated: after one full check of a password its keyed digest is remembered in memory only, bound to the
/// hash it was checked against. The key is made by this process and dies with it. Bounded: who was remembered first is forgotten first.
/// </summary>
public sealed class CredentialVerifier(int limit = 10_000)
{
    private static readonly byte[] ProcessKey = RandomNumberGenerator.GetBytes(32);
    private readonly Lock _gate = new();
    private readonly Dictionary<string, (string Stored, byte[] Digest)> _known = [];
    private readonly Queue<string> _order = [];

    public bool Knows(string userId, string password, string storedHash)
    {
        var digest = Digest(userId, password);
        lock (_gate)
            return _known.TryGetValue(userId, out var known) && known.Stored == storedHash && CryptographicOperations.FixedTimeEquals(known.Digest, digest);
    }

    public void Remember(string userId, string password, string storedHash)
    {
        var digest = Digest(userId, password);
        lock (_gate)
        {
            if (!_known.ContainsKey(userId))
            {
                _order.Enqueue(userId);
                if (_order.Count > limit) _known.Remove(_order.Dequeue());
            }

            _known[userId] = (storedHash, digest);
        }
    }

    private static byte[] Digest(string userId, string password) => HMACSHA256.HashData(ProcessKey, Encoding.UTF8.GetBytes($"{userId}\n{password}"));
}

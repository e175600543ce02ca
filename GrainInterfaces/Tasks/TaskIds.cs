using System.Security.Cryptography;
using System.Text;

namespace HiveMind.Tasks;

/// <summary>Task ids: 32 lower-case hex digits. With a request id, the first 128 bits of SHA-256(user id, request id): the birth is the dedup.</summary>
public static class TaskIds
{
    public static string New(string userId, string? requestId) => string.IsNullOrEmpty(requestId)
        ? Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16))
        : Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{userId}\n{requestId}")).AsSpan(0, 16));

    public static bool IsValid(string? id) => id is { Length: 32 } && id.All(c => c is >= '0' and <= '9' or >= 'a' and <= 'f');
}

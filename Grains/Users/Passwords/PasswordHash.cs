using System.Globalization;
using System.Security.Cryptography;

namespace HiveMind.Users;

/// <summary>PBKDF2-HMAC-SHA512 with its parameters in the record: `pbkdf2-sha512$iterations$base64`. The salt has a column of its own.</summary>
public static class PasswordHash
{
    /// <summary>Today's work factor for PBKDF2-HMAC-SHA512 (OWASP password storage cheat sheet: 210,000 or more).</summary>
    public const int Iterations = 220_000;
    /// <summary>Bytes, as the seed's PASSWORD_SALT_LENGTH.</summary>
    public const int SaltLength = 32;
    /// <summary>Matches no password.</summary>
    public const string Locked = "!";

    private const string Scheme = "pbkdf2-sha512";

    public static string NewSalt() => Convert.ToBase64String(RandomNumberGenerator.GetBytes(SaltLength));

    public static string Compute(string password, string salt, int iterations = Iterations) =>
        $"{Scheme}${iterations.ToString(CultureInfo.InvariantCulture)}${Convert.ToBase64String(Derive(password, salt, iterations))}";

    public static bool Matches(string password, string salt, string stored)
    {
        var parts = stored.Split('$');
        if (parts.Length != 3 || parts[0] != Scheme || !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var iterations))
        {
            Derive(password, NewSalt(), Iterations); // an account that cannot log in takes as long to refuse
            return false;
        }

        return CryptographicOperations.FixedTimeEquals(Derive(password, salt, iterations), Convert.FromBase64String(parts[2]));
    }

    private static byte[] Derive(string password, string salt, int iterations) =>
        Rfc2898DeriveBytes.Pbkdf2(password, Convert.FromBase64String(salt), iterations, HashAlgorithmName.SHA512, 64);
}

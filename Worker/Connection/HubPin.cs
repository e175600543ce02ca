using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace HiveMind.Workers.Connection;

/// <summary>
/// The SHA-256 of a hub's public key (its SubjectPublicKeyInfo), by which a client knows a hub that no authority vouches for. It stands behind
/// the address, as in `https://192.168.1.5:50051#sha256=…`, and stays when the certificate around the key is renewed.
/// </summary>
public sealed record HubPin
{
    private const string Prefix = "sha256=";
    private readonly string _hex;

    private HubPin(string hex) => _hex = hex;

    /// <summary>`sha256=` and 64 hexadecimal digits; null when it is anything else.</summary>
    public static HubPin? Parse(string text) =>
        text.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase) && text.Length == Prefix.Length + 64 && text[Prefix.Length..].All(char.IsAsciiHexDigit)
            ? new HubPin(text[Prefix.Length..].ToLowerInvariant())
            : null;

    /// <summary>The pin that an address carries, if it carries one.</summary>
    public static HubPin? Of(Uri hub) => hub.Fragment.Length > 1 ? Parse(hub.Fragment[1..]) : null;

    public static HubPin Of(X509Certificate2 certificate) =>
        new(Convert.ToHexStringLower(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo())));

    /// <summary>What is wrong with an address that carries something behind `#`, or null.</summary>
    public static string? Problem(Uri hub) => hub.Fragment.Length switch
    {
        0 => null,
        _ when hub.Scheme != Uri.UriSchemeHttps => $"'{hub}' names a key, but only https:// shows one: write https://.",
        _ when Of(hub) is null => $"'{hub}' does not end in a hub's key: that is #sha256= and 64 hexadecimal digits, as the hub prints it.",
        _ => null,
    };

    public override string ToString() => Prefix + _hex;
}

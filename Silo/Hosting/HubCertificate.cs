using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using HiveMind.Storage;

namespace HiveMind.Hosting;

/// <summary>
/// The certificate that a silo makes for itself, in `tls` of its data directory. The key is made once and kept, because clients know the hub
/// by it (ADR 13); the certificate around it is made anew before it ends and when the machine has addresses that it does not name.
/// </summary>
public sealed class HubCertificate
{
    public const string CertificateFile = "hub-cert.pem", KeyFile = "hub-key.pem";
    public static readonly TimeSpan Validity = TimeSpan.FromDays(365), RenewBefore = TimeSpan.FromDays(30);
    private static readonly TimeSpan LookAgain = TimeSpan.FromHours(1), ClockSkew = TimeSpan.FromDays(1);
    private const UnixFileMode OwnerFile = UnixFileMode.UserRead | UnixFileMode.UserWrite, OwnerFolder = OwnerFile | UnixFileMode.UserExecute;

    private readonly string _directory;
    private readonly TimeProvider _time;
    private readonly Func<IReadOnlyList<IPAddress>> _addresses;
    private readonly Lock _turn = new();
    private X509Certificate2 _current;
    private long _lookedAt;

    public HubCertificate(string dataDirectory, TimeProvider time, Func<IReadOnlyList<IPAddress>> addresses)
    {
        (_directory, _time, _addresses) = (DirectoryOf(dataDirectory), time, addresses);
        _current = Ensure();
    }

    public static string DirectoryOf(string dataDirectory) => Path.Combine(dataDirectory, "tls");

    /// <summary>What connections are shown now. Asked at each handshake, it looks at dates and addresses once an hour.</summary>
    public X509Certificate2 Current()
    {
        lock (_turn)
        {
            if (_time.GetElapsedTime(_lookedAt) >= LookAgain)
            {
                try
                {
                    _current = Ensure();
                }
                catch (StartRefusedException)
                {
                    // A full disk must not end connections that the certificate at hand still serves.
                    _lookedAt = _time.GetTimestamp();
                }
            }
            return _current;
        }
    }

    /// <summary>`sha256=…` of the public key, as clients write it behind the address.</summary>
    public static string PinOf(X509Certificate2 certificate) =>
        $"sha256={Convert.ToHexStringLower(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo()))}";

    internal static bool NeedsRenewal(X509Certificate2 certificate, IEnumerable<IPAddress> addresses, DateTimeOffset now)
    {
        var named = certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().SelectMany(names => names.EnumerateIPAddresses()).ToHashSet();
        return now < certificate.NotBefore || now > certificate.NotAfter - RenewBefore || !addresses.All(named.Contains);
    }

    private X509Certificate2 Ensure()
    {
        try
        {
            MakeFolder();
            _lookedAt = _time.GetTimestamp();
            var (now, addresses) = (_time.GetUtcNow(), _addresses());
            using var key = Key();
            var file = Path.Combine(_directory, CertificateFile);
            if (File.Exists(file) && Read(file, key) is { } kept && !NeedsRenewal(kept, addresses, now)) return kept;
            using var made = Make(key, addresses, now);
            Write(file, made.ExportCertificatePem());
            return Read(file, key)!;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            if (DiskError.IsFull(error)) throw new StoreAwayException($"The hub's certificate cannot be written: the disk of {_directory} is full. Make room there.");
            throw new StartRefusedException($"The hub's certificate in {_directory} cannot be read or written: {error.Message}");
        }
    }

    private ECDsa Key()
    {
        var file = Path.Combine(_directory, KeyFile);
        var key = ECDsa.Create();
        if (!File.Exists(file))
        {
            key.GenerateKey(ECCurve.NamedCurves.nistP256);
            Write(file, key.ExportPkcs8PrivateKeyPem());
            return key;
        }

        try
        {
            key.ImportFromPem(File.ReadAllText(file));
            return key;
        }
        catch (Exception error) when (error is ArgumentException or CryptographicException)
        {
            throw new StartRefusedException(
                $"The hub's key {file} cannot be read ({error.Message}): restore it, or remove it and give every client the new address that is printed then.");
        }
    }

    /// <summary>The certificate with its key; null when it belongs to another key or is none.</summary>
    private static X509Certificate2? Read(string file, ECDsa key)
    {
        try
        {
            using var bare = X509Certificate2.CreateFromPem(File.ReadAllText(file));
            return bare.CopyWithPrivateKey(key);
        }
        catch (Exception error) when (error is ArgumentException or CryptographicException)
        {
            return null;
        }
    }

    private static X509Certificate2 Make(ECDsa key, IReadOnlyList<IPAddress> addresses, DateTimeOffset now)
    {
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        if (Uri.CheckHostName(Environment.MachineName) == UriHostNameType.Dns) names.AddDnsName(Environment.MachineName.ToLowerInvariant());
        foreach (var address in addresses.Concat([IPAddress.Loopback, IPAddress.IPv6Loopback]).Distinct()) names.AddIpAddress(address);
        var request = new CertificateRequest("CN=HiveMind hub", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], false)); // server authentication
        return request.CreateSelfSigned(now - ClockSkew, now + Validity);
    }

    private void MakeFolder()
    {
        if (OperatingSystem.IsWindows()) Directory.CreateDirectory(_directory);
        else Directory.CreateDirectory(_directory, OwnerFolder);
    }

    // Aside and renamed: a crash leaves the old file or the new one. The key is nobody's but this user's from its first byte on.
    private static void Write(string file, string text)
    {
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = OwnerFile;
        File.Delete($"{file}.tmp");
        using (var draft = new FileStream($"{file}.tmp", options))
        {
            draft.Write(System.Text.Encoding.ASCII.GetBytes(text));
            draft.Flush(flushToDisk: true);
        }

        File.Move($"{file}.tmp", file, overwrite: true);
    }
}

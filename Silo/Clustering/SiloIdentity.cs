using System.Numerics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace HiveMind.Clustering;

/// <summary>
/// By what a silo shows that it belongs to the pool, and knows others that do: a key of its own for the life of the process, under a certificate
/// signed with the pool's key. The pool's key is made of the secret in each silo and never leaves it.
/// </summary>
internal sealed class SiloIdentity : IDisposable
{
    public const string Name = "hivemind-silo";
    private const int Rounds = 200_000;
    private static readonly BigInteger OrderOfP256 = BigInteger.Parse(
        "0FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551", System.Globalization.NumberStyles.HexNumber, System.Globalization.CultureInfo.InvariantCulture);
    // The certificates end with the process and mean nothing without its key: no wrong clock shall keep silos apart.
    private static readonly DateTimeOffset Begin = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero), End = new(9999, 12, 31, 23, 59, 59, TimeSpan.Zero);
    private static readonly OidCollection BothSides = [new("1.3.6.1.5.5.7.3.1"), new("1.3.6.1.5.5.7.3.2")];

    private readonly X509Certificate2 _pool;
    private readonly byte[] _poolKey;

    public SiloIdentity(string secret, string clusterId)
    {
        using var key = KeyOf(secret, clusterId);
        _pool = Pool(key, clusterId);
        _poolKey = _pool.PublicKey.ExportSubjectPublicKeyInfo();
        Certificate = Own(_pool);
    }

    public X509Certificate2 Certificate { get; }

    /// <summary>Tells secrets apart without telling them.</summary>
    public string Fingerprint => Convert.ToHexStringLower(SHA256.HashData(_poolKey))[..32];

    /// <summary>Signed with the pool's key, whatever its date and name.</summary>
    public bool IsOfPool(X509Certificate2 certificate)
    {
        using var chain = new X509Chain
        {
            ChainPolicy =
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true,
                VerificationFlags = X509VerificationFlags.IgnoreNotTimeValid,
            },
        };
        chain.ChainPolicy.CustomTrustStore.Add(_pool);
        return chain.Build(certificate) && chain.ChainElements.Count == 2
            && chain.ChainElements[1].Certificate.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(_poolKey);
    }

    public void Dispose()
    {
        Certificate.Dispose();
        _pool.Dispose();
    }

    /// <summary>The same key in every silo that knows the secret; slowly, so that guessing is dear.</summary>
    private static ECDsa KeyOf(string secret, string clusterId)
    {
        var salt = Encoding.UTF8.GetBytes($"hivemind silo transport 1/{clusterId}");
        var bytes = Rfc2898DeriveBytes.Pbkdf2(secret, salt, Rounds, HashAlgorithmName.SHA512, 48); // 128 bits more than needed: no bias worth a name
        var number = (new BigInteger(bytes, isUnsigned: true, isBigEndian: true) % (OrderOfP256 - 1)) + 1;
        var d = number.ToByteArray(isUnsigned: true, isBigEndian: true);
        var padded = new byte[32];
        d.CopyTo(padded, 32 - d.Length);
        return ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = padded });
    }

    private static X509Certificate2 Pool(ECDsa key, string clusterId)
    {
        var request = new CertificateRequest($"CN=HiveMind pool {clusterId}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        return request.CreateSelfSigned(Begin, End);
    }

    private static X509Certificate2 Own(X509Certificate2 pool)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(Name);
        var request = new CertificateRequest($"CN={Name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(BothSides, false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(pool, true, false));
        using var bare = request.Create(pool, Begin, End, RandomNumberGenerator.GetBytes(16));
        return bare.CopyWithPrivateKey(key);
    }
}

using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace HiveMind.Hosting;

/// <summary>
/// The certificate and key that the settings name, read again once their files change. Renewal writes two files, one after the other, and sometimes
/// a wrong one: what cannot be used is said, and what was read before goes on being shown.
/// </summary>
public sealed class CertificateFiles
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(5);

    private readonly string _certificate, _key;
    private readonly TimeProvider _time;
    private readonly Lock _turn = new();
    private SslStreamCertificateContext _current;
    private (DateTime, long, DateTime, long) _seen;
    private long _lookedAt;

    public CertificateFiles(string certificate, string key, TimeProvider time)
    {
        (_certificate, _key, _time, _lookedAt) = (certificate, key, time, time.GetTimestamp());
        _seen = Marks();
        _current = Read();
    }

    /// <summary>Looks at the files at most every few seconds, while somebody connects.</summary>
    public SslStreamCertificateContext Current()
    {
        lock (_turn)
        {
            if (_time.GetElapsedTime(_lookedAt) < LookAgain) return _current;
            _lookedAt = _time.GetTimestamp();
            try
            {
                if (Marks() is var marks && marks == _seen) return _current;
                _seen = marks;
                _current = Read();
                Console.Error.WriteLine($"hivemind: the certificate {_certificate} is a new one: it is shown from now on.");
            }
            catch (Exception error) when (IsBroken(error))
            {
                Console.Error.WriteLine($"hivemind: the certificate {_certificate} has changed and cannot be used ({error.Message}): the old one is still shown.");
            }

            return _current;
        }
    }

    public static bool IsBroken(Exception error) => error is CryptographicException or IOException or UnauthorizedAccessException or ArgumentException;

    private (DateTime, long, DateTime, long) Marks()
    {
        var (certificate, key) = (new FileInfo(_certificate), new FileInfo(_key));
        return (certificate.LastWriteTimeUtc, certificate.Length, key.LastWriteTimeUtc, key.Length);
    }

    private SslStreamCertificateContext Read()
    {
        var chain = new X509Certificate2Collection();
        chain.ImportFromPemFile(_certificate);
        return SslStreamCertificateContext.Create(X509Certificate2.CreateFromPemFile(_certificate, _key), chain, offline: true);
    }
}

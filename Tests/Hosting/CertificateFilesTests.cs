using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using HiveMind.Hosting;
using Microsoft.Extensions.Time.Testing;

namespace HiveMind.Tests.Hosting;

public sealed class CertificateFilesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("hivemind-cert-").FullName;
    private readonly FakeTimeProvider _time = new();

    private string Certificate => Path.Combine(_folder, "cert.pem");
    private string Key => Path.Combine(_folder, "key.pem");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Current_FilesRenewed_TheNewOneIsShownWithoutARestart()
    {
        Write("first");
        var files = new CertificateFiles(Certificate, Key, _time);
        Write("second");
        Assert.Equal("CN=first", files.Current().TargetCertificate.Subject);
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal("CN=second", files.Current().TargetCertificate.Subject);
    }

    [Fact]
    public void Current_RenewedByHalfOrBroken_TheOldOneIsShownUntilItIsRight()
    {
        Write("first");
        var files = new CertificateFiles(Certificate, Key, _time);
        File.WriteAllText(Certificate, "no certificate");
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal("CN=first", files.Current().TargetCertificate.Subject);
        Write("second", withKey: false);
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal("CN=first", files.Current().TargetCertificate.Subject);
        File.Delete(Key);
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal("CN=first", files.Current().TargetCertificate.Subject);
        Write("third");
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal("CN=third", files.Current().TargetCertificate.Subject);
    }

    private void Write(string name, bool withKey = true)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var made = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256).CreateSelfSigned(TimeProvider.System.GetUtcNow().AddDays(-1), TimeProvider.System.GetUtcNow().AddDays(1));
        File.WriteAllText(Certificate, made.ExportCertificatePem());
        if (withKey) File.WriteAllText(Key, key.ExportPkcs8PrivateKeyPem());
        // The clock of a file system may be coarser than two writes of a test.
        var at = TimeProvider.System.GetUtcNow().UtcDateTime.AddSeconds(Interlocked.Increment(ref _writes));
        File.SetLastWriteTimeUtc(Certificate, at);
        if (withKey) File.SetLastWriteTimeUtc(Key, at);
    }

    private int _writes;
}

using System.Net;
using System.Security.Cryptography.X509Certificates;
using HiveMind.Hosting;
using HiveMind.Storage;
using HiveMind.Workers.Connection;
using Microsoft.Extensions.Time.Testing;

namespace HiveMind.Tests.Hosting;

/// <summary>The certificate that a silo makes for itself: renewed around a key that stays.</summary>
public sealed class HubCertificateTests : IDisposable
{
    private static readonly IPAddress Old = IPAddress.Parse("192.168.1.5"), New = IPAddress.Parse("192.168.1.77");
    private readonly string _data = Directory.CreateTempSubdirectory("hivemind-tls-").FullName;
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private IReadOnlyList<IPAddress> _addresses = [Old];

    private string KeyFile => Path.Combine(_data, "tls", HubCertificate.KeyFile);

    [Fact]
    public void Current_StartedAgain_IsTheSameCertificate()
    {
        var first = Open().Current().Thumbprint;

        Assert.Equal(first, Open().Current().Thumbprint);
    }

    [Fact]
    public void Current_NewAddress_IsNamedWithinTheHourAndTheKeyStays()
    {
        var certificate = Open();
        var before = certificate.Current();
        _addresses = [Old, New];
        _time.Advance(TimeSpan.FromMinutes(61));

        var after = certificate.Current();

        Assert.NotEqual(before.Thumbprint, after.Thumbprint);
        Assert.Equal(HubCertificate.PinOf(before), HubCertificate.PinOf(after));
        Assert.Equal([Old, New, IPAddress.Loopback, IPAddress.IPv6Loopback], Names(after));
    }

    [Fact]
    public void Current_NearItsEnd_IsRenewedAndTheKeyStays()
    {
        var certificate = Open();
        var before = certificate.Current();
        _time.Advance(HubCertificate.Validity - HubCertificate.RenewBefore + TimeSpan.FromHours(1));

        var after = certificate.Current();

        Assert.True(after.NotAfter.ToUniversalTime() > before.NotAfter.ToUniversalTime());
        Assert.Equal(HubCertificate.PinOf(before), HubCertificate.PinOf(after));
    }

    [Fact]
    public void Current_CertificateOfAnotherKeyOrNone_IsMadeAgain()
    {
        var pin = HubCertificate.PinOf(Open().Current());
        File.WriteAllText(Path.Combine(_data, "tls", HubCertificate.CertificateFile), "nothing");

        Assert.Equal(pin, HubCertificate.PinOf(Open().Current()));
    }

    [Fact]
    public void Open_KeyThatCannotBeRead_IsRefusedInsteadOfReplaced()
    {
        Open();
        File.WriteAllText(KeyFile, "nothing");

        var refused = Assert.Throws<StartRefusedException>(() => Open());

        Assert.Contains(KeyFile, refused.Message, StringComparison.Ordinal);
        Assert.Equal("nothing", File.ReadAllText(KeyFile));
    }

    [Fact]
    public void Open_Key_OnlyItsOwnerMayReadIt()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "file modes are of Unix");
        Open();
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(KeyFile));
    }

    [Fact]
    public void PinOf_HubAndClient_AgreeOnIt()
    {
        var certificate = Open().Current();

        Assert.Equal(HubPin.Of(certificate).ToString(), HubCertificate.PinOf(certificate));
    }

    [Fact]
    public void Ordered_Cards_TheOneWithTheWayOutFirstAndBridgesLast()
    {
        MachineCard Card(string name, bool gateway, params string[] addresses) => new(name, gateway, [.. addresses.Select(IPAddress.Parse)]);

        var ordered = MachineAddresses.Ordered([
            Card("docker0", false, "172.17.0.1"), Card("eth1", false, "10.0.0.2", "fe80::1"), Card("wlan0", true, "2001:db8::5", "192.168.1.5"),
        ]);

        Assert.Equal(["192.168.1.5", "10.0.0.2", "172.17.0.1", "2001:db8::5"], ordered.Select(address => address.ToString()));
    }

    public void Dispose() => Directory.Delete(_data, recursive: true);

    private HubCertificate Open() => new(_data, _time, () => _addresses);

    private static IEnumerable<IPAddress> Names(X509Certificate2 certificate) =>
        certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().Single().EnumerateIPAddresses();
}

using HiveMind.Clustering;
using HiveMind.Configuration;
using HiveMind.Storage;

namespace HiveMind.Tests.Clustering;

public sealed class SiloIdentityTests : IDisposable
{
    private const string Secret = "VpJ0Yb6c2Zt9Q4mXw8sLr3Kd7HfGn1Ua";
    private readonly string _directory = Directory.CreateTempSubdirectory("hivemind-secret-").FullName;

    [Fact]
    public void IsOfPool_SameSecret_EachKnowsTheOtherAndNoCertificateIsTheSame()
    {
        using var one = new SiloIdentity(Secret, "pool");
        using var two = new SiloIdentity(Secret, "pool");

        Assert.True(one.IsOfPool(two.Certificate) && two.IsOfPool(one.Certificate));
        Assert.Equal(one.Fingerprint, two.Fingerprint);
        Assert.NotEqual(one.Certificate.PublicKey.ExportSubjectPublicKeyInfo(), two.Certificate.PublicKey.ExportSubjectPublicKeyInfo());
    }

    [Theory]
    [InlineData(Secret + "x", "pool")]
    [InlineData(Secret, "other")]
    public void IsOfPool_OtherSecretOrPool_IsNot(string secret, string cluster)
    {
        using var one = new SiloIdentity(Secret, "pool");
        using var two = new SiloIdentity(secret, cluster);

        Assert.False(one.IsOfPool(two.Certificate) || two.IsOfPool(one.Certificate));
        Assert.NotEqual(one.Fingerprint, two.Fingerprint);
    }

    [Theory]
    [InlineData("", false)]
    [InlineData("correct horse battery staple", false)]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false)]
    [InlineData(Secret, true)]
    public void IsStrong_ShortOrRepeated_IsNot(string secret, bool strong) => Assert.Equal(strong, PoolSecret.IsStrong(secret));

    [Fact]
    public void Read_NothingGiven_MakesOneBesideTheDatabaseThatOnlyItsOwnerReads()
    {
        var options = new PoolOptions { DataDirectory = _directory };

        var made = PoolSecret.Read(options);

        Assert.True(PoolSecret.IsStrong(made));
        Assert.Equal(made, PoolSecret.Read(options));
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(_directory, PoolSecret.DefaultFile)));
    }

    [Fact]
    public void Read_ManySilosAtOnce_OneSecret()
    {
        var options = new PoolOptions { DataDirectory = _directory };
        Assert.Single(Enumerable.Range(0, 16).AsParallel().WithDegreeOfParallelism(16).Select(_ => PoolSecret.Read(options)).Distinct());
    }

    [Theory]
    [InlineData("does not exist")]
    [InlineData("can be read or changed by others")]
    [InlineData("must be at least 32 characters")]
    public void Read_FileThatWillNotDo_IsRefused(string says)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no modes");
        if (OperatingSystem.IsWindows()) return;
        var file = Path.Combine(_directory, "secret");
        if (!says.StartsWith("does", StringComparison.Ordinal)) File.WriteAllText(file, says.StartsWith("can", StringComparison.Ordinal) ? Secret : "short\n");
        if (says.StartsWith("can", StringComparison.Ordinal)) File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.OtherRead);
        else if (File.Exists(file)) File.SetUnixFileMode(file, UnixFileMode.UserRead);

        var refused = Assert.Throws<StartRefusedException>(() => PoolSecret.Read(new PoolOptions { DataDirectory = _directory, Cluster = { SecretFile = file } }));

        Assert.Contains(says, refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData($"--HiveMind:Cluster:Secret={Secret}")]
    [InlineData("--hivemind:cluster:secret")]
    public void RefuseOnCommandLine_Secret_IsRefusedWithoutRepeatingIt(string word)
    {
        var refused = Assert.Throws<StartRefusedException>(() => PoolSecret.RefuseOnCommandLine(["silo", word]));
        Assert.DoesNotContain(Secret, refused.Message, StringComparison.Ordinal);
        PoolSecret.RefuseOnCommandLine(["silo", "--HiveMind:Cluster:SecretFile=/etc/hivemind/secret"]);
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);
}

using HiveMind.Cli;

namespace HiveMind.Tests.Cli;

public sealed class SessionFileTests : IDisposable
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);
    private readonly string folder = Directory.CreateTempSubdirectory("hivemind-session-").FullName;

    private static StoredSession Session(string token) => new("alice", "u1", "user", token, Noon, Noon.AddHours(1));

    [Fact]
    public void Write_Session_OnlyItsOwnerMayReadIt()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "file modes are of Unix");
        var file = new SessionFile(folder);
        file.Write(new Uri("http://a:1"), Session("t"));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file.FilePath));
        }
    }

    [Fact]
    public void Write_TwoHubs_EachKeepsItsOwn()
    {
        var file = new SessionFile(folder);
        file.Write(new Uri("http://a:1"), Session("one"));
        file.Write(new Uri("http://b:2"), Session("two"));
        file.Remove(new Uri("http://b:2/"));
        Assert.Equal(Session("one"), file.Read(new Uri("http://A:1/")));
        Assert.Null(file.Read(new Uri("http://b:2")));
    }

    [Fact]
    public void Replace_AfterAnotherLogin_KeepsTheNewer()
    {
        var file = new SessionFile(folder);
        file.Write(new Uri("http://a:1"), Session("newer"));
        file.Replace(new Uri("http://a:1"), Session("older"));
        Assert.Equal("newer", file.Read(new Uri("http://a:1"))?.Token);
    }

    [Theory]
    [InlineData(29, false)]
    [InlineData(31, true)]
    [InlineData(61, false)]
    public void NeedsRenewal_LessThanHalfRemains_Yes(int minutes, bool needs) =>
        Assert.Equal(needs, Session("t").NeedsRenewal(Noon.AddMinutes(minutes)));

    public void Dispose() => Directory.Delete(folder, recursive: true);
}

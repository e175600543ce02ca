using System.Diagnostics;
using HiveMind.Storage;
using HiveMind.Tests.Database;
using HiveMind.Tests.Processes;

namespace HiveMind.Tests.Storage;

/// <summary>Payloads, results and hashes are read by nobody but the hub's own user, whatever the umask it was started with.</summary>
[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed class PrivateDirectoryTests : IDisposable
{
    private const UnixFileMode OwnerFolder = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, ReadableByAll =
        OwnerFolder | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("000")]
    [InlineData("022")]
    public async Task Silo_AnyUmask_NothingInItsDirectoriesIsOthers(string umask)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "umask is Linux's here");
        var data = Path.Combine(_folder.Path, "data");
        var elsewhere = Path.Combine(_folder.Path, "elsewhere");
        using (var pool = await Start(umask, data, $"--HiveMind:Books:ConnectionString={elsewhere}/books/my.db", $"--HiveMind:Files:Directory={elsewhere}/files"))
        {
            Assert.True(File.Exists($"{elsewhere}/books/my.db-wal"));
            AssertPrivate(data);
            AssertPrivate($"{elsewhere}/books");
            AssertPrivate($"{elsewhere}/files");
            if (Environment.UserName == "root") AssertUnreadableBy("nobody", data, $"{elsewhere}/books/my.db", $"{elsewhere}/files");
        }
    }

    [Fact]
    public async Task Silo_DirectoryThatOthersCanRead_IsClosedAtTheStart()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "modes are Linux's here");
        var data = Path.Combine(_folder.Path, "data");
        Directory.CreateDirectory(Path.Combine(data, "floor"));
        Directory.CreateDirectory(Path.Combine(data, "files"));
        foreach (var open in new[] { data, Path.Combine(data, "floor"), Path.Combine(data, "files") }) File.SetUnixFileMode(open, ReadableByAll);

        using (await Start("022", data)) AssertPrivate(data);
    }

    [Fact]
    public void Ensure_OpenDirectoryOfAnother_IsRefused()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "modes are Linux's here");
        Assert.SkipUnless(Environment.UserName == "root", "needs root, to give a directory to another user");
        var data = Path.Combine(_folder.Path, "data");
        Directory.CreateDirectory(data);
        Run("chown", "nobody", data);
        File.SetUnixFileMode(data, ReadableByAll);
        Assert.Contains("belongs to another user", Assert.Throws<StartRefusedException>(() => PrivateDirectory.Ensure(data, "It")).Message);
        Assert.Equal(ReadableByAll, File.GetUnixFileMode(data));

        File.SetUnixFileMode(data, ReadableByAll & ~(UnixFileMode.OtherRead | UnixFileMode.OtherExecute));
        Assert.Throws<StartRefusedException>(() => PrivateDirectory.Ensure(data, "It"));
        PrivateDirectory.Ensure(data, "A volume that its group may use", isVolume: true);
    }

    [Fact]
    public void Ensure_DirectoryOfEverybody_IsRefusedAndLeftAlone()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "modes are Linux's here");
        File.SetUnixFileMode(_folder.Path, ReadableByAll | UnixFileMode.OtherWrite | UnixFileMode.StickyBit);
        Assert.Contains("everybody's", Assert.Throws<StartRefusedException>(() => PrivateDirectory.Ensure(_folder.Path, "It")).Message);
        Assert.True(File.GetUnixFileMode(_folder.Path).HasFlag(UnixFileMode.OtherRead));
        File.SetUnixFileMode(_folder.Path, OwnerFolder);
    }

    [Fact]
    public void OpenDatabase_FileThatOthersCanRead_IsClosedAndItsDirectoryLeftAlone()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "modes are Linux's here");
        File.SetUnixFileMode(_folder.Path, ReadableByAll);
        _folder.OpenDatabase().Dispose();
        File.SetUnixFileMode(_folder.DatabasePath, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead);

        _folder.OpenDatabase().Dispose();

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_folder.DatabasePath));
        Assert.Equal(ReadableByAll, File.GetUnixFileMode(_folder.Path));
    }

    [Theory]
    [InlineData("000")]
    [InlineData("022")]
    public void CommandLine_AnyUmask_ItsFolderIsItsOwners(string umask)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "umask is Linux's here");
        var config = Path.Combine(_folder.Path, "config", "hivemind");
        Run("sh", "-c", $"umask {umask}; mkdir -p {config}");
        File.SetUnixFileMode(config, ReadableByAll);
        new HiveMind.Cli.SessionFile(config).Write(new Uri("http://127.0.0.1:1"), new HiveMind.Cli.StoredSession("u", "u", "user", "secret", Make.Now, Make.Now.AddHours(1)));
        AssertPrivate(config);
    }

    private static async Task<HivemindProcess> Start(string umask, string data, params string[] settings)
    {
        var silo = HivemindProcess.StartUnder(umask,
            ["silo", "--HiveMind:Grpc:Port=0", "--HiveMind:Http:Port=0", $"--HiveMind:DataDirectory={data}", .. settings]);
        await Wait.Until(() => silo.Process.HasExited || silo.Output.Contains("Next:", StringComparison.Ordinal), TimeSpan.FromSeconds(60), () => silo.Output);
        Assert.False(silo.Process.HasExited, silo.Output);
        return silo;
    }

    private static void AssertPrivate(string directory)
    {
        const UnixFileMode NotTheOwner = (UnixFileMode)0x3f;
        IEnumerable<string> all = [directory, .. Directory.EnumerateFileSystemEntries(directory, "*", SearchOption.AllDirectories)];
        Assert.DoesNotContain(all, path => Path.Exists(path) && (File.GetUnixFileMode(path) & NotTheOwner) != 0);
    }

    private static void AssertUnreadableBy(string user, params string[] paths)
    {
        foreach (var path in paths)
            Assert.NotEqual(0, Run("setpriv", "--reuid", user, "--clear-groups", Directory.Exists(path) ? "ls" : "cat", path));
    }

    private static int Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode;
    }
}

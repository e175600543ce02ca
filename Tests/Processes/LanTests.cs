using System.Text.RegularExpressions;

namespace HiveMind.Tests.Processes;

/// <summary>A hub as `--lan` starts it, but on loopback: its own certificate, an account made from the command line.</summary>
public sealed partial class LanPool : IAsyncLifetime
{
    private readonly string _directory = Directory.CreateTempSubdirectory("hivemind-lan-").FullName;
    private HivemindProcess? _silo;

    /// <summary>With the pin, as the hub writes it for programs of its own user.</summary>
    public string Address { get; private set; } = "";
    public string Bare => Address.Split('#')[0];
    public string WrongPin => $"{Bare}#sha256={new string('0', 64)}";
    public string Output => _silo!.Output;

    public async ValueTask InitializeAsync()
    {
        _silo = HivemindProcess.Start(
            Home("owner"), "silo", "--lan", "--HiveMind:Grpc:Host=127.0.0.1", "--HiveMind:Grpc:Port=0", "--HiveMind:Http:Port=0");
        await Wait.Until(() => Ready().IsMatch(Output), TimeSpan.FromSeconds(60), () => $"the silo is not ready:\n{Output}");
        Address = (await File.ReadAllTextAsync(Path.Combine(_directory, "owner", "data", "hivemind", "hub-address"))).Trim();
        Assert.Equal(0, (await Cli("owner", "correct horse battery", "register", "ada", "--email", "ada@example.org", "--password-stdin")).ExitCode);
    }

    /// <summary>Where one user of one machine keeps everything.</summary>
    public IReadOnlyDictionary<string, string> Home(string name) => new[] { "CONFIG", "DATA", "STATE" }.ToDictionary(
        kind => $"XDG_{kind}_HOME", kind => Directory.CreateDirectory(Path.Combine(_directory, name, kind.ToLowerInvariant())).FullName);

    public string PathOf(string name) => Path.Combine(_directory, name);

    public async Task<(int ExitCode, string Output)> Cli(string home, string? input, params string[] words)
    {
        using var process = HivemindProcess.Start(Home(home), words);
        if (input is not null) await process.Process.StandardInput.WriteLineAsync(input);
        process.Process.StandardInput.Close();
        return (await process.Exited(TimeSpan.FromSeconds(60)), process.Output);
    }

    public ValueTask DisposeAsync()
    {
        _silo?.Dispose();
        Directory.Delete(_directory, recursive: true);
        return ValueTask.CompletedTask;
    }

    [GeneratedRegex(@"Next: .*")]
    private static partial Regex Ready();
}

/// <summary>Two machines' worth of people and programs around one hub that no authority vouches for.</summary>
public sealed class LanTests(LanPool pool) : IClassFixture<LanPool>
{
    [Fact]
    public async Task Worker_WithNothingButItsTokenFile_RunsATask()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/python3"), "python3 is not installed");
        var file = pool.PathOf("laptop.token");
        var made = await pool.Cli("owner", null, "node-token", "laptop", "--address", "127.0.0.1", "--output", file);
        Assert.True(made.ExitCode == 0, made.Output);
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));

        using var worker = HivemindProcess.Start(pool.Home("laptop"), "worker", "--token-file", file);
        var answer = await pool.Cli("owner", null, "submit", "-c", "print(6*7)", "--wait");

        Assert.True(answer.ExitCode == 0 && answer.Output.Contains("42", StringComparison.Ordinal), $"{answer.Output}\n{worker.Output}");
        Assert.False(Directory.Exists(Path.Combine(pool.Home("laptop")["XDG_CONFIG_HOME"], "hivemind")), "a worker by token keeps no session");
        var again = await pool.Cli("owner", null, "node-token", "laptop", "--address", "127.0.0.1");
        Assert.Equal(2, again.ExitCode);
        Assert.Contains("--replace", again.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Worker_TokenFromStandardInput_Connects()
    {
        var made = await pool.Cli("owner", null, "node-token", "desk", "--address", "127.0.0.1", "--json");
        Assert.True(made.ExitCode == 0, made.Output);

        using var worker = HivemindProcess.Start(pool.Home("desk"), "worker", "--token-file", "-", "--allow-noop");
        await worker.Process.StandardInput.WriteLineAsync(made.Output.Split('\n').First(line => line.StartsWith('{')));

        await Wait.Until(() => worker.Output.Contains("Connected as node desk", StringComparison.Ordinal), TimeSpan.FromSeconds(60), () => worker.Output);
    }

    [Fact]
    public async Task Login_ByTheWholeAddress_IsRememberedForTheBareOne()
    {
        var unknown = await pool.Cli("friend", null, "whoami", "--hub", pool.Bare);
        var login = await pool.Cli("friend", "correct horse battery", "login", "ada", "--password-stdin", "--hub", pool.Address);
        var known = await pool.Cli("friend", null, "whoami", "--hub", pool.Bare);

        Assert.Equal((4, 0, 0), (unknown.ExitCode, login.ExitCode, known.ExitCode));
        Assert.Contains("is not trusted", unknown.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Login_WrongPin_EndsBeforeThePasswordIsSent()
    {
        var refused = await pool.Cli("stranger", "correct horse battery", "login", "ada", "--password-stdin", "--hub", pool.WrongPin);

        Assert.Equal(4, refused.ExitCode);
        Assert.Contains("its key is sha256=", refused.Output, StringComparison.Ordinal);
        Assert.Contains("Nothing was sent to it", refused.Output, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(pool.Home("stranger")["XDG_CONFIG_HOME"], "hivemind", "session.json")));
    }

    [Fact]
    public async Task Worker_WrongPin_EndsAndSaysSo()
    {
        var token = $$"""{"hub":"{{pool.WrongPin}}","node_id":"trap","node_token":"hmn_trap"}""";

        var refused = await pool.Cli("trap", token, "worker", "--token-file", "-");

        Assert.Equal(4, refused.ExitCode);
        Assert.Contains("is not trusted", refused.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("hmn_trap", refused.Output, StringComparison.Ordinal);
    }
}

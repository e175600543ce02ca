using System.Net;
using System.Net.Sockets;
using HiveMind.Tests.StateStores;

namespace HiveMind.Tests.Processes;

/// <summary>Data of a silo that ran and was stopped cleanly; each test gets a copy.</summary>
public sealed class StoppedPool : SharedPool
{
    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        await Pool.NewUser("somebody");
        await StartRefusalTests.Stop(Pool);
    }

    public string Copy()
    {
        var copy = Directory.CreateTempSubdirectory("hivemind-copy-").FullName;
        foreach (var file in Directory.EnumerateFiles(Pool.DataDirectory, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(copy, Path.GetRelativePath(Pool.DataDirectory, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
        return copy;
    }
}

/// <summary>A silo that must not start says why in one line and exits with 78.</summary>
public sealed class StartRefusalTests(StoppedPool stopped) : IClassFixture<StoppedPool>, IDisposable
{
    private readonly List<string> _directories = [];

    [Theory]
    [InlineData("Grpc:Port=abc", "Grpc:Port")]
    [InlineData("Grpc:Prot=1", "HiveMind:Grpc:Prot is no setting")]
    [InlineData("Grpc:Host=0.0.0.0", "Grpc:AllowInsecure=true")]
    [InlineData("Telemetry:OtlpEndpoint=collector:4317", "must be an http or https URL")]
    [InlineData("Telemetry:TraceRatio=2", "between 0 and 1")]
    [InlineData("Scheduling:BandRoles:Urgent=root", "Scheduling:BandRoles:Urgent must name a role")]
    [InlineData("Books:ConnectionString=Host=db;Username=u;Password=hunter2", "only a SQLite database")]
    public async Task Start_BadSetting_RefusesWithOneLine(string setting, string says)
    {
        var line = await RefusedLine(New(), setting);

        Assert.Contains(says, line, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_OpenModeBeyondLoopback_RefusesEvenWithAllowInsecure()
    {
        var line = await RefusedLine(New(), "Auth:Mode=Open", "Grpc:Host=0.0.0.0", "Grpc:AllowInsecure=true");

        Assert.Contains("Auth:Mode", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_PortInUse_NamesThePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;

        var line = await RefusedLine(New(), $"Grpc:Port={port}");

        Assert.Contains($"Port {port} is in use", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_DataDirectoryOfARunningSilo_IsWaitedForAWhileThenEndsForARestartAndThatOneStopsOnSigterm()
    {
        using var pool = await new PoolProcess().Start();

        using var second = HivemindProcess.Start(null, Arguments(pool.DataDirectory));
        var exitCode = await second.Exited(TimeSpan.FromSeconds(60));

        Assert.True(exitCode == SiloHost.StoreAway, $"ended with {exitCode}:\n{second.Output}");
        var lines = second.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        Assert.Equal(2, lines.Length);
        Assert.Contains($"{pool.DataDirectory} is in use by another silo. Waiting for its end", lines[0], StringComparison.Ordinal);
        Assert.Contains($"{pool.DataDirectory} is in use by another silo: stop that one", lines[1], StringComparison.Ordinal);
        await Stop(pool);
    }

    [Fact]
    public async Task Start_WhileTheOneBeforeIsStillDying_WaitsAndServesAtTheSamePort()
    {
        using var pool = await new PoolProcess().Start();
        var port = new Uri(pool.Address).Port;
        using var next = HivemindProcess.Start(null, [.. Arguments(pool.DataDirectory), $"--HiveMind:Grpc:Port={port}"]);
        await Wait.Until(() => next.Output.Contains("Waiting for its end", StringComparison.Ordinal) || next.Process.HasExited, TimeSpan.FromSeconds(30), () => next.Output);

        await pool.Kill();

        await Wait.Until(() => IsReady(next.Output) || next.Process.HasExited, TimeSpan.FromSeconds(60), () => next.Output);
        Assert.False(next.Process.HasExited, next.Output);
        Assert.Contains($"gRPC    http://127.0.0.1:{port}", next.Output, StringComparison.Ordinal);

        // Its lines come one after the other: the last is what to do next.
        static bool IsReady(string output) => output.Contains("HiveMind is ready", StringComparison.Ordinal) && output.Contains("Next: ", StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_OtherDatabase_IsRefused()
    {
        var data = Copied();
        foreach (var file in Directory.EnumerateFiles(data, "books.db*")) File.Delete(file);

        Assert.Contains("not the state store's database", await RefusedLine(data), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_OtherFiles_IsRefused()
    {
        var line = await RefusedLine(Copied(), $"Files:Directory={New()}");

        Assert.Contains("not the state store's files", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_EmptyStateStoreUnderDatabaseThatNameOne_StartsOnlyWhenTheLossIsAccepted()
    {
        var data = Copied();
        Directory.Delete(Path.Combine(data, "floor"), recursive: true);

        Assert.Contains("--accept-lost-floor", await RefusedLine(data), StringComparison.Ordinal);

        using var accepting = HivemindProcess.Start(null, [.. Arguments(data), "--accept-lost-floor"]);
        await Wait.Until(() => accepting.Output.Contains("HiveMind is ready", StringComparison.Ordinal), TimeSpan.FromSeconds(60), () => accepting.Output);
        await accepting.Kill();
        using var pool = await new PoolProcess($"DataDirectory={data}").Start();
        Assert.Equal("somebody", (await pool.LogIn("somebody")).Name);
    }

    [Fact]
    public async Task Start_RedisWithoutAppendOnlyFile_IsRefused()
    {
        using var redis = await RealRedis.Start("--appendonly", "no");

        var line = await RefusedLine(New(), $"Redis:ConnectionString={redis.ConnectionString}");

        Assert.Contains("appendonly is 'no'", line, StringComparison.Ordinal);
    }

    public void Dispose()
    {
        foreach (var directory in _directories) Directory.Delete(directory, recursive: true);
    }

    internal static async Task Stop(PoolProcess pool)
    {
        pool.Terminate();
        var exitCode = await pool.Exited(TimeSpan.FromSeconds(15));
        Assert.True(exitCode == 0, $"the silo ended with {exitCode}:\n{pool.Output}");
    }

    private static async Task<string> RefusedLine(string dataDirectory, params string[] settings)
    {
        using var silo = HivemindProcess.Start(null, Arguments(dataDirectory, settings));
        var exitCode = await silo.Exited(TimeSpan.FromSeconds(60));
        Assert.True(exitCode == SiloHost.BadConfiguration, $"ended with {exitCode}:\n{silo.Output}");
        var line = Assert.Single(silo.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        Assert.StartsWith("hivemind: ", line, StringComparison.Ordinal);
        return line;
    }

    private static string[] Arguments(string dataDirectory, params string[] settings) =>
    [
        "silo", "--HiveMind:Grpc:Port=0", "--HiveMind:Http:Port=0", $"--HiveMind:DataDirectory={dataDirectory}",
        .. settings.Select(setting => $"--HiveMind:{setting}"),
    ];

    private string New() => Own(Directory.CreateTempSubdirectory("hivemind-refused-").FullName);

    private string Copied() => Own(stopped.Copy());

    private string Own(string directory)
    {
        _directories.Add(directory);
        return directory;
    }
}

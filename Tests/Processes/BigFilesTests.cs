using System.Security.Cryptography;
using System.Text.RegularExpressions;
using HiveMind.Benchmarks;

namespace HiveMind.Tests.Processes;

/// <summary>A large program in and its large output back, as a user does it, with the way to the hub cut in the middle of each.</summary>
public sealed partial class BigFilesTests : IDisposable
{
    private const long Size = 48L << 20;
    private readonly string _directory = Directory.CreateTempSubdirectory("hivemind-big-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task RoundTrip_HubKilledWhileUploadingAndCutsWhileFetchingAndDownloading_IsTheSameBytes()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/python3"), "python3 is not installed");
        var program = Path.Combine(_directory, "program.py");
        var hash = BigProgram.Write(program, Size, new Random(1));
        using var pool = await new PoolProcess("Auth:Mode=Open").Start();
        var me = new Login("local", "local", []);
        await using var toWorker = new CutProxy(new Uri(pool.Address), Size / 3);
        using var worker = await pool.StartWorker(me, "n1", "--unsandboxed", "--hub", toWorker.Address);
        await Wait.Until(async () => (await pool.Nodes.GetNodeInfoAsync(new() { NodeId = "n1" })).Node.Connected, TimeSpan.FromSeconds(30), () => worker.Output);

        await using var up = new CutProxy(new Uri(pool.Address), Size / 2, async () =>
        {
            await pool.Kill();
            await pool.Start();
        });
        var submitted = await Cli("submit", program, "--max-output", "60M", "--hub", up.Address);
        Assert.True(up.WasCut, "the upload went through in one piece");
        var task = TaskId().Match(submitted).Value;
        var ended = await pool.WaitForEnd(task, me, 90);
        Assert.True(ended.Status == "completed", $"{ended.Reason} {ended.ErrorMessage}\n{worker.Output}");
        Assert.True(toWorker.WasCut, "the worker's transfers went through in one piece");
        Assert.Equal(hash, ended.ResultSha256);

        var saved = Path.Combine(_directory, "output");
        await using var down = new CutProxy(new Uri(pool.Address), Size / 2);
        await Cli("result", task, "-o", saved, "--hub", down.Address);
        Assert.True(down.WasCut, "the download went through in one piece");
        await using var bytes = File.OpenRead(saved);
        Assert.Equal(hash, Convert.ToHexStringLower(await SHA256.HashDataAsync(bytes)));
        Assert.Empty(Directory.GetFiles(Path.Combine(pool.DataDirectory, "files", "partial")));
    }

    private async Task<string> Cli(params string[] arguments)
    {
        var environment = new Dictionary<string, string> { ["XDG_CONFIG_HOME"] = _directory };
        using var cli = HivemindProcess.Start(environment, arguments);
        var exitCode = await cli.Exited(TimeSpan.FromSeconds(120));
        Assert.True(exitCode == 0, $"{arguments[0]} ended with {exitCode}:\n{cli.Output}");
        return cli.Output;
    }

    [GeneratedRegex("[0-9a-f]{32}")]
    private static partial Regex TaskId();
}

using System.Diagnostics;
using Grpc.Core;

namespace HiveMind.Tests.Processes;

/// <summary>The seed's three Python snippets, word for word, and what stands around them.</summary>
public sealed class SeedSnippetsTests
{
    private const string Python = "/usr/bin/python3";

    [Fact]
    public async Task Snippets_OpenModeOnFreshData_AreAccepted()
    {
        var script = Path.GetFullPath(Path.Combine(Repository.Root, "..", "shared", "acceptance", "seed-snippets", "run"));
        Assert.SkipUnless(File.Exists(script), "../shared/acceptance/seed-snippets/run is not beside this checkout");
        Assert.SkipUnless(File.Exists(Python) && (await Run(Python, "-c", "import grpc, grpc_tools")).ExitCode == 0,
            "python3-grpcio and python3-grpc-tools are not installed");
        using var pool = await new PoolProcess("Auth:Mode=Open").Start();

        var (exitCode, output) = await Run(script, pool.Address["http://".Length..]);

        Assert.True(exitCode == 0, output);
        Assert.Equal("ACCEPT", output.TrimEnd().Split('\n')[^1]);
    }

    [Fact]
    public async Task SnippetCalls_LockedModeWithoutToken_AreUnauthenticated()
    {
        using var pool = await new PoolProcess().Start();

        Refusal[] refusals =
        [
            await Refusal.Of(pool.Nodes.RegisterNodeAsync(new()
            {
                NodeId = "worker-001", NodeType = "worker", Hostname = "192.168.1.100", Port = 50052, Capabilities = new() { CpuCores = 8, MemoryMb = 16384 },
            })),
            await Refusal.Of(pool.Master.SubmitTaskAsync(new()
            {
                UserId = "user-123", TaskType = "python", TaskData = Google.Protobuf.ByteString.CopyFromUtf8("print(1)"),
            })),
            await Refusal.Of(pool.Master.GetTaskStatusAsync(new() { TaskId = "task-123", UserId = "user-123" })),
        ];

        Assert.All(refusals, refusal => Assert.Equal((StatusCode.Unauthenticated, "UNAUTHENTICATED"), (refusal.Code, refusal.Reason)));
    }

    private static async Task<(int ExitCode, string Output)> Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["PROTO"] = Path.Combine(Repository.Root, "Protos", "nodepool.proto");
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        var said = await errors;
        await process.WaitForExitAsync();
        return (process.ExitCode, said + output);
    }
}

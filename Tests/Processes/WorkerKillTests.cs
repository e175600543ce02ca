using Google.Protobuf;
using Grpc.Core;
using HiveMind.Protos;

namespace HiveMind.Tests.Processes;

/// <summary>A lent machine whose worker dies in the middle of a task.</summary>
public sealed class WorkerKillTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task WorkerKilled_InATask_ItsProgramDiesAndTheTaskEndsElsewhereOnce(bool sandboxed)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/python3"), "python3 is not installed");
        Assert.SkipUnless(!sandboxed || File.Exists("/usr/bin/bwrap"), "bubblewrap is not installed");
        string[] options = sandboxed ? [] : ["--unsandboxed"];
        using var pool = await new PoolProcess().Start();
        var lender = await pool.NewUser("lender");
        using var dead = await pool.StartWorker(lender, "dead", options);
        var mark = $"mark-{Guid.NewGuid():N}";
        var request = new SubmitTaskRequest
        {
            TaskType = "python", Arguments = { mark }, Requirements = new() { CpuCores = 1, MemoryMb = 128, TimeoutSeconds = 120 },
            TaskData = ByteString.CopyFromUtf8(
                "import os, sys, time\nif os.environ['HIVEMIND_ATTEMPT'] == '1': time.sleep(100)\nprint(os.environ['HIVEMIND_ATTEMPT'], end='')"),
        };
        var task = (await pool.Master.SubmitTaskAsync(request, lender.Metadata)).TaskId;
        await pool.WaitFor(task, lender, status => status.State == TaskState.Running);
        await Wait.Until(() => Programs(mark, "python") > 0, TimeSpan.FromSeconds(20), () => $"its program is not in the process table\n{dead.Output}");

        await dead.Kill();

        await Wait.Until(() => Programs(mark) == 0, TimeSpan.FromSeconds(10), () => "its program outlives it");
        using var alive = await pool.StartWorker(lender, "alive", options);
        var ended = await pool.WaitForEnd(task, lender);
        Assert.Equal(("completed", 2, "alive"), (ended.Status, ended.Attempt, ended.AssignedNode));
        Assert.Equal("NODE_LOST", ended.Attempts[0].Cause);

        var replay = new ReportTaskRequest
        {
            NodeId = "dead",
            Report = new()
            {
                TaskId = task, Attempt = 1, Kind = TaskReportKind.Ended, RunMs = 1000, Result = Inline("forged"), Stderr = Inline(""),
            },
        };
        var stale = await Refusal.Of(pool.Nodes.ReportTaskAsync(replay, PoolProcess.Bearer(dead.Token)));
        var foreign = await Refusal.Of(pool.Nodes.ReportTaskAsync(replay, PoolProcess.Bearer(alive.Token)));
        replay.NodeId = "alive";
        var another = await Refusal.Of(pool.Nodes.ReportTaskAsync(replay, PoolProcess.Bearer(dead.Token)));
        Assert.Equal(StatusCode.Aborted, stale.Code);
        Assert.Equal((StatusCode.PermissionDenied, StatusCode.PermissionDenied), (foreign.Code, another.Code));
        Assert.Equal("2", (await pool.Master.GetTaskResultAsync(new() { TaskId = task }, lender.Metadata)).Result.ToStringUtf8());
    }

    private static OutputRef Inline(string text) => new() { Inline = ByteString.CopyFromUtf8(text), Size = text.Length };

    /// <summary>Processes of this machine that were started with this argument, leaving out those that only wait to be reaped.</summary>
    private static int Programs(string argument, string name = "") => Directory.EnumerateDirectories("/proc").Count(process =>
    {
        try
        {
            return int.TryParse(Path.GetFileName(process), out _)
                && File.ReadAllText(Path.Combine(process, "cmdline")).Contains(argument, StringComparison.Ordinal)
                && File.ReadAllText(Path.Combine(process, "comm")).StartsWith(name, StringComparison.Ordinal);
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    });
}

using System.Text.Json;
using Google.Protobuf;
using HiveMind.Cli;
using HiveMind.Protos;

namespace HiveMind.Tests.Processes;

/// <summary>One silo, one user with a session on disk, one worker that runs programs.</summary>
public sealed class RetryPool() : SharedPool("Tasks:AllowNoop=true")
{
    private readonly string _home = Directory.CreateTempSubdirectory("hivemind-retry-").FullName;
    private WorkerProcess? _worker;

    public Login User { get; private set; } = null!;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        User = await Pool.NewUser("sender");
        _worker = await Pool.StartWorker(User, "runner", "--unsandboxed");
        using var login = Hivemind("login", "sender", "--password-stdin");
        await login.Process.StandardInput.WriteLineAsync("correct horse battery");
        Assert.True(await login.Exited(TimeSpan.FromSeconds(60)) == 0, login.Output);
    }

    public override ValueTask DisposeAsync()
    {
        _worker?.Dispose();
        Directory.Delete(_home, recursive: true);
        return base.DisposeAsync();
    }

    /// <summary>The program as that user starts it.</summary>
    public HivemindProcess Hivemind(params string[] words) => HivemindProcess.Start(new Dictionary<string, string>
    {
        ["XDG_CONFIG_HOME"] = _home, ["XDG_DATA_HOME"] = _home, ["XDG_STATE_HOME"] = _home, ["HIVEMIND_HUB"] = Pool.Address,
    }, words);

    public async Task<string> Says(int exitCode, params string[] words)
    {
        using var process = Hivemind(words);
        var code = await process.Exited(TimeSpan.FromSeconds(60));
        Assert.True(code == exitCode, $"{string.Join(' ', words)} ended with {code}:\n{process.Output}\n{Pool.Output}\n{_worker?.Output}");
        return process.Output;
    }
}

/// <summary>Retries and deadlines as a user sees them: real programs, the command line, the wire.</summary>
public sealed class RetryProcessTests(RetryPool pool) : IClassFixture<RetryPool>
{
    [Fact]
    public async Task Submit_ExitsWith75TwiceThenWell_IsOneSuccessWithThreeAttempts()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/python3"), "python3 is not installed");
        const string Code = """
            import os, sys, time
            attempt = int(os.environ["HIVEMIND_ATTEMPT"])
            end = time.process_time() + 0.3
            while time.process_time() < end: pass
            print("attempt", attempt)
            sys.exit(75 if attempt < 3 else 0)
            """;

        var answer = Json(await pool.Says(ExitCodes.Ok, "submit", "--json", "--wait", "-c", Code, "--retry-on", "75", "--max-attempts", "4", "--memory", "128M"));
        Assert.Equal("attempt 3\n", answer.GetProperty("stdout").GetString());
        var id = answer.GetProperty("task_id").GetString()!;

        var shown = await pool.Says(ExitCodes.Ok, "status", id);
        Assert.Contains("state     completed", shown);
        Assert.Contains("attempt   3 of at most 4; retried after exit code 75, lost node", shown);
        Assert.Equal(2, shown.Split("PROGRAM_FAILED (exit code 75)").Length - 1);
        Assert.Equal(1, shown.Split("COMPLETED").Length - 1);

        var status = Json(await pool.Says(ExitCodes.Ok, "status", "--json", id));
        var attempts = status.GetProperty("attempts").EnumerateArray().ToList();
        Assert.Equal([75, 75, 0], attempts.Select(attempt => attempt.GetProperty("exit_code").GetInt32()));
        Assert.All(attempts, attempt => Assert.InRange(attempt.GetProperty("cpu_ms").GetInt64(), 100, 10_000));
        Assert.All(attempts, attempt => Assert.InRange(attempt.GetProperty("memory_peak_mb").GetInt64(), 1, 128));
        Assert.All(attempts, attempt => Assert.True(attempt.GetProperty("cost_credits").GetDouble() > 0)); // its own failures are paid for
    }

    [Fact]
    public async Task Submit_QueueDeadlinePasses_TimesOutAndNeverRuns()
    {
        var submitted = await pool.Pool.Master.SubmitTaskAsync(
            new() { TaskType = "noop", TaskData = ByteString.CopyFromUtf8("1"), QueueDeadlineSeconds = 1 }, pool.User.Metadata);
        var waits = await pool.Pool.Status(submitted.TaskId, pool.User);
        var over = Times.Parse(waits.CreatedAt).AddSeconds(1);
        await Wait.Until(() => TimeProvider.System.GetUtcNow() > over, TimeSpan.FromSeconds(30), () => "time stands still");
        using var worker = await pool.Pool.StartWorker(pool.User, "late", "--allow-noop", "--unsandboxed"); // who would take it

        var ended = await pool.Pool.WaitForEnd(submitted.TaskId, pool.User);

        Assert.Equal((TaskState.TimedOut, "failed", "QUEUE_DEADLINE"), (ended.State, ended.Status, ended.Reason));
        Assert.Equal("It was not started within its queue deadline.", ended.ReasonText);
        Assert.Equal("It was not started within its queue deadline of 1 s.", ended.ErrorMessage);
        Assert.Equal((0, "", 0.0, 1), (ended.Attempts.Count, ended.StartedAt, ended.CostCredits, ended.QueueDeadlineSeconds));
    }

    [Fact]
    public async Task Submit_TotalTimeoutWhileItRuns_IsStoppedByItsWorkerAndNotRunAgain()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/python3"), "python3 is not installed");
        var answer = Json(await pool.Says(
            ExitCodes.TaskFailed, "submit", "--json", "--wait", "-c", "import time\ntime.sleep(300)", "--total-timeout", "6s", "--retry-on", "timeout"));

        Assert.Equal(("timed_out", "TOTAL_TIMEOUT"), (answer.GetProperty("state").GetString(), answer.GetProperty("reason").GetString()));
        var ended = await pool.Pool.Status(answer.GetProperty("task_id").GetString()!, pool.User);
        Assert.Equal("TOTAL_TIMEOUT", Assert.Single(ended.Attempts).Cause);
        Assert.InRange(ended.Attempts[0].RunMs, 1, 6000);
    }

    private static JsonElement Json(string output) =>
        JsonDocument.Parse(output.Split('\n').Last(line => line.StartsWith('{'))).RootElement;
}

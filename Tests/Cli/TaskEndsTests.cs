using System.Text.Json;
using HiveMind.Cli;
using HiveMind.Protos;
using HiveMind.Tasks;
using HiveMind.Workers.Runs;
using TaskState = HiveMind.Protos.TaskState;

namespace HiveMind.Tests.Cli;

/// <summary>Ends of programs, attempts and tasks as a person and a script read them.</summary>
public sealed class TaskEndsTests
{
    [Fact]
    public void Causes_EachHasASentenceOfItsOwn()
    {
        var causes = typeof(Causes).GetFields().Where(field => field.IsLiteral).Select(field => (string)field.GetRawConstantValue()!).ToList();
        Assert.NotEmpty(causes);
        var texts = causes.Select(cause => (Cause: cause, Text: CauseTexts.For(cause))).ToList();
        Assert.All(texts, one => Assert.True(one.Text.Length > 10 && one.Text.EndsWith('.'), $"{one.Cause} has no sentence"));
        Assert.Equal(texts.Count, texts.Select(one => one.Text).Distinct().Count());
        // A task ends by each of them but the first.
        Assert.All(causes.Except([Causes.Completed]), cause => Assert.NotEqual(cause, FailureTexts.For(cause)));
    }

    /// <summary>The worker, which knows no contracts but the wire, has the same names.</summary>
    [Fact]
    public void Signals_HaveTheWorkersNames() =>
        Assert.All(Enumerable.Range(0, 66), signal => Assert.Equal(Signals.Describe(signal), SignalNames.Describe(signal)));

    [Theory]
    [InlineData(true, 137, 0, "exit code 137")]
    [InlineData(true, 255, 0, "exit code 255")]
    [InlineData(true, 0, 0, "exit code 0")]
    [InlineData(false, 0, 9, "signal 9 (SIGKILL)")]
    [InlineData(false, 137, 9, "signal 9 (SIGKILL)")]
    [InlineData(false, 0, 40, "signal 40")]
    [InlineData(false, 137, 0, "exit code 137, or signal 9 (SIGKILL)")] // of a hub of before
    [InlineData(false, 255, 0, "exit code 255")]
    [InlineData(false, 3, 0, "exit code 3")]
    [InlineData(false, 0, 0, "")]
    public void ProgramEnd_SaysSignalOrExitCode(bool has, int exitCode, int signal, string says) => Assert.Equal(
        says, ProgramEnd.Of(new TaskAttempt { HasExitCode = has, ExitCode = exitCode, TermSignal = signal, Cause = Causes.ProgramFailed }).Text);

    [Theory]
    [InlineData(true, 3, 0, "3", "null")]
    [InlineData(false, 0, 11, "null", "11")]
    [InlineData(false, 0, 0, "null", "null")]
    [InlineData(false, 139, 0, "139", "null")]
    public void Json_NoExitCodeWhereNoneWas(bool has, int exitCode, int signal, string exit, string term)
    {
        var status = new GetTaskStatusResponse { State = TaskState.Failed, Reason = Causes.ProgramFailed, HasExitCode = has, ExitCode = exitCode, TermSignal = signal };
        status.Attempts.Add(new TaskAttempt { Attempt = 1, Cause = Causes.ProgramFailed, HasExitCode = has, ExitCode = exitCode, TermSignal = signal });
        var result = new GetTaskResultResponse { State = TaskState.Failed, Reason = Causes.ProgramFailed, HasExitCode = has, ExitCode = exitCode, TermSignal = signal };
        object[] shapes = [TaskShapes.Status(status), TaskShapes.Result("t", result), TaskShapes.Saved(status, "f", new())];
        Assert.All(shapes, shape => Assert.Equal((exit, term), Ends(JsonSerializer.SerializeToElement(shape), "ExitCode", "TermSignal")));
        var attempt = JsonSerializer.SerializeToElement(TaskShapes.Status(status)).GetProperty("Attempts")[0];
        Assert.Equal((exit, term), Ends(attempt, "ExitCode", "TermSignal"));
        Assert.Equal(CauseTexts.For(Causes.ProgramFailed), attempt.GetProperty("CauseText").GetString());
    }

    [Fact]
    public void Json_CompletedAtAHubOfBefore_IsExitCodeZero()
    {
        var shown = JsonSerializer.SerializeToElement(TaskShapes.Status(new GetTaskStatusResponse { State = TaskState.Completed }));
        Assert.Equal(("0", "null"), Ends(shown, "ExitCode", "TermSignal"));
    }

    public static TheoryData<string, string> LastLines => new()
    {
        { "exit", "Task t failed: PROGRAM_FAILED, exit code 3: ValueError: bad" },
        { "silent exit", "Task t failed: PROGRAM_FAILED: Ended with exit code 137." },
        { "signal", "Task t failed: PROGRAM_FAILED: Ended by signal 9 (SIGKILL)." },
        { "signal, older hub", "Task t failed: PROGRAM_FAILED: Ended by signal 9." },
        { "exit, older hub", "Task t failed: PROGRAM_FAILED, exit code 3: ValueError: bad" },
        { "timeout", "Task t timed_out: RUN_TIMEOUT: Stopped after its 3 s.\nIts program was sent SIGTERM, and SIGKILL 5 s later unless it had ended." },
        { "timeout, killed", "Task t timed_out: RUN_TIMEOUT, signal 9 (SIGKILL): Stopped after its 3 s.\nIts program was sent SIGTERM, and SIGKILL 5 s later." },
        { "timeout, no grace", "Task t timed_out: RUN_TIMEOUT: Stopped after its 3 s.\nIts program was killed at once (SIGKILL): it was submitted with --grace 0." },
        { "timeout, older hub", "Task t timed_out: RUN_TIMEOUT: Stopped after its 3 s." },
        { "cancel", "Task t cancelled: CANCELLED\nIts program was sent SIGTERM, which ended it." },
        { "cancel, never begun", "Task t cancelled: CANCELLED" },
        { "fault", $"Task t failed: WORKER_FAULT: The disk is full.\n{CauseTexts.For(Causes.WorkerFault)}" },
        { "unknown", "Task t failed: SOMETHING_NEW: It says." },
    };

    [Theory, MemberData(nameof(LastLines))]
    public void LastLines_SayHowItEnded(string how, string says) => Assert.Equal(says, string.Join('\n', TaskEnds.Of(Task(how))));

    [Fact]
    public void Attempts_OnThePageOfATask_SayWhereWhenHowAndWhatTheyUsed()
    {
        var failed = new TaskAttempt
        {
            Attempt = 1, NodeId = "n1", AssignedAt = "2026-01-01T00:00:00Z", EndedAt = "2026-01-01T00:00:09Z", Cause = "PROGRAM_FAILED", RunMs = 8500,
            CostCredits = 0.5, ExitCode = 75, HasExitCode = true, MemoryPeakMb = 40, CpuMs = 1230,
        };
        Assert.Equal(
            """
            on n1, 2026-01-01T00:00:00Z to 2026-01-01T00:00:09Z
            PROGRAM_FAILED (exit code 75): The program ended with an error.
            ran 8.5 s, cpu 1.23 s, memory 40 MiB, cost 0.5
            """, string.Join('\n', AttemptWords.Lines(failed)));
        Assert.Equal("on n2, since 2026-01-01T00:00:10Z", string.Join('\n', AttemptWords.Lines(new() { Attempt = 2, NodeId = "n2", AssignedAt = "2026-01-01T00:00:10Z" })));
        Assert.Equal("CANCELLED (signal 15, SIGTERM): It was cancelled.", AttemptWords.Cause(new() { Cause = "CANCELLED", TermSignal = 15 }));
        Assert.Equal("PROGRAM_FAILED (signal 40): The program ended with an error.", AttemptWords.Cause(new() { Cause = "PROGRAM_FAILED", TermSignal = 40 }));
        Assert.Equal("LATER_WORD", AttemptWords.Cause(new() { Cause = "LATER_WORD" }));
        Assert.Equal("COMPLETED: The program ended with exit code 0.", AttemptWords.Cause(new() { Cause = "COMPLETED", HasExitCode = true }));
    }

    /// <summary>A terminal of 80 columns shows a task without a broken line, whatever is said of it but its own words.</summary>
    [Fact]
    public void Status_OfTwoAttempts_FitsATerminalAndSaysWhichOneIsShown()
    {
        var task = Task("exit");
        (task.TaskId, task.TaskType, task.Attempt, task.MaxAttempts, task.GraceSeconds) = (new string('a', 32), "python", 2, 5, 5);
        (task.CreatedAt, task.ReasonText) = ("2026-01-01T00:00:00Z", FailureTexts.For(task.Reason));
        task.Attempts.Add(new TaskAttempt { Attempt = 1, NodeId = "a-machine", AssignedAt = "2026-01-01T00:00:00Z", EndedAt = "2026-01-01T00:00:10Z", Cause = Causes.HubAway });
        task.Attempts.Add(new TaskAttempt { Attempt = 2, NodeId = "a-machine", AssignedAt = "2026-01-01T00:00:00Z", EndedAt = "2026-01-01T00:00:10Z", Cause = Causes.ProgramFailed, RunMs = 1, CostCredits = 0.1, CpuMs = 99, MemoryPeakMb = 10 });
        var lines = StatusVerb.Lines(task).ToList();
        Assert.DoesNotContain(lines, line => line.Length > 88);
        Assert.Contains(lines, line => line.Contains($"HUB_AWAY: {CauseTexts.For(Causes.HubAway)}", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.Contains("those of attempt 2 alone", StringComparison.Ordinal));
        Assert.Contains("program   ended with exit code 3", lines);
    }

    private static (string, string) Ends(JsonElement shape, string exit, string signal) => (shape.GetProperty(exit).GetRawText(), shape.GetProperty(signal).GetRawText());

    private static GetTaskStatusResponse Task(string how)
    {
        var task = new GetTaskStatusResponse { TaskId = "t", State = TaskState.Failed, Reason = Causes.ProgramFailed, GraceSeconds = how.EndsWith("older hub", StringComparison.Ordinal) ? 0 : 5 };
        switch (how.Split(',')[0])
        {
            case "exit":
                (task.HasExitCode, task.ExitCode, task.ErrorMessage) = (task.GraceSeconds != 0, 3, "ValueError: bad");
                break;
            case "silent exit":
                (task.HasExitCode, task.ExitCode, task.ErrorMessage) = (true, 137, "Ended with exit code 137.");
                break;
            case "signal":
                (task.TermSignal, task.ExitCode, task.ErrorMessage) = task.GraceSeconds != 0 ? (9, 0, "Ended by signal 9 (SIGKILL).") : (0, 137, "Ended by signal 9.");
                break;
            case "timeout":
                (task.State, task.Reason, task.ErrorMessage) = (TaskState.TimedOut, Causes.RunTimeout, "Stopped after its 3 s.");
                task.TermSignal = how.EndsWith("killed", StringComparison.Ordinal) ? 9 : 0;
                if (how.EndsWith("no grace", StringComparison.Ordinal)) task.GraceSeconds = -1;
                task.Attempts.Add(new TaskAttempt { Attempt = 1, StartedAt = "2026-01-01T00:00:00Z", Cause = Causes.RunTimeout, TermSignal = task.TermSignal });
                break;
            case "cancel":
                (task.State, task.Reason) = (TaskState.Cancelled, Causes.Cancelled);
                if (!how.EndsWith("begun", StringComparison.Ordinal)) task.Attempts.Add(new TaskAttempt { Attempt = 1, StartedAt = "2026-01-01T00:00:00Z", Cause = Causes.Cancelled, TermSignal = 15 });
                break;
            case "fault":
                (task.Reason, task.ErrorMessage) = (Causes.WorkerFault, "The disk is full.");
                break;
            case "unknown":
                (task.Reason, task.ErrorMessage) = ("SOMETHING_NEW", "It says.");
                break;
        }

        return task;
    }
}

using Grpc.Core;
using HiveMind.Protos;
using HiveMind.Workers.Connection;
using HiveMind.Workers.Runs;

namespace HiveMind.Workers.Attempts;

/// <summary>Takes one attempt from its assignment to its report.</summary>
public sealed class AttemptExecutor(
    IReadOnlyList<IRunner> runners, WorkDirectory work, Transfers transfers, AttemptTable table, DiskShare disk, DiskRoom room, GpuSlots gpus,
    TimeProvider time)
{
    /// <summary>Below what a timer can count.</summary>
    private const long LongestTimeoutMs = 40L * 24 * 3600 * 1000;

    /// <summary>What a hub may ask for at most.</summary>
    private const long LongestGraceMs = 300_000;

    /// <summary>
    /// Null: dropped on the way. Otherwise its report, which the table holds until the hub answers it. <paramref name="earlier"/> are
    /// runs of the same task that must be gone first.
    /// </summary>
    public async Task<TaskReport?> Execute(HeldAttempt attempt, Assignment assignment, IReadOnlyList<Task> earlier, Action began)
    {
        using var span = RunSpan.Start(attempt.Key, assignment);
        var report = await Reported(attempt, () => RunToReport(attempt, assignment, earlier, began));
        RunSpan.End(span, report);
        return report;
    }

    /// <summary>Whatever goes wrong, an attempt ends: nobody else would report it, and it would be held for ever.</summary>
    private async Task<TaskReport?> Reported(HeldAttempt attempt, Func<Task<TaskReport?>> steps)
    {
        try
        {
            return await steps();
        }
        catch (Exception e)
        {
            return attempt.IsDropped ? Dropped(attempt, answered: false) : Ended(attempt, RunResult.Fault(Explain(e)));
        }
    }

    private async Task<TaskReport?> RunToReport(HeldAttempt attempt, Assignment assignment, IReadOnlyList<Task> earlier, Action began)
    {
        RunResult result;
        try
        {
            await Task.WhenAll(earlier);
            result = await Run(attempt, assignment, began);
        }
        catch (OperationCanceledException)
        {
            result = RunResult.Fault("worker stopped");
        }
        catch (RpcException e) when (e.StatusCode is StatusCode.Aborted or StatusCode.NotFound)
        {
            // The attempt is not this worker's any more.
            return Dropped(attempt, e.StatusCode == StatusCode.Aborted);
        }
        catch (Exception e)
        {
            result = RunResult.Fault(Explain(e));
        }
        if (result is { Reason: RunReasons.WorkerFault, Message: MachineFault.DiskFull })
            room.Refused();
        attempt.Place?.RemoveProgram();
        return attempt.IsDropped ? Dropped(attempt, answered: false) : await Report(attempt, result);
    }

    /// <summary>Sends its output again, after the hub lost what it had received.</summary>
    public Task<TaskReport?> Resend(HeldAttempt attempt, TaskReport report) => Reported(attempt, () => Report(
        attempt, new RunResult(report.TermSignal > 0 ? null : report.ExitCode, report.ErrorReason, report.ErrorMessage, report.RunMs, report.MemoryPeakMb, report.CpuMs, report.TermSignal)));

    private async Task<RunResult> Run(HeldAttempt attempt, Assignment assignment, Action began)
    {
        if (runners.FirstOrDefault(r => r.TaskType == assignment.TaskType) is not { } runner)
            return new RunResult(null, RunReasons.WorkerRefused, $"This worker does not run '{assignment.TaskType}'.", 0, 0);
        using var preparing = CancellationTokenSource.CreateLinkedTokenSource(attempt.Drop.Token, attempt.Stop.Token);
        preparing.Token.ThrowIfCancellationRequested();
        // What was started in advance has no GPUs.
        var warm = GpuCount(assignment) == 0 ? await runner.TakeWarm() : null;
        var place = attempt.Place = warm is null ? work.NewRun() : ToRun(warm);
        if (assignment.Payload.Length > 0 || assignment.PayloadSize == 0)
            await File.WriteAllBytesAsync(place.Program, assignment.Payload.ToByteArray(), preparing.Token);
        else
            await transfers.FetchPayload(attempt.Key, assignment.PayloadSha256, place.Program, preparing.Token);
        if (assignment.StandardInputSha256.Length > 0)
            await transfers.FetchStandardInput(attempt.Key, assignment.StandardInputSha256, place.Stdin, preparing.Token);
        table.MayBegin(attempt);
        return await RunOnItsOwn(runner, Request(attempt, assignment, place), assignment, began, attempt.Drop.Token);
    }

    private RunPlace ToRun(RunPlace warm)
    {
        try
        {
            return work.ToRun(warm);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            warm.Remove();
            return work.NewRun();
        }
    }

    /// <summary>With the GPUs and the part of the disk that are its own while it runs.</summary>
    private async Task<RunResult> RunOnItsOwn(
        IRunner runner, RunRequest request, Assignment assignment, Action began, CancellationToken kill)
    {
        var count = GpuCount(assignment);
        if (gpus.Take(count) is not { } taken)
            return RunResult.Fault($"It needs {count} GPUs of its own; so many are not free here.");
        var claim = disk.Claim(assignment.Requirements?.DiskMb ?? 0);
        try
        {
            return await RunWatched(runner, request with { Disk = claim, Gpus = taken }, began, kill);
        }
        finally
        {
            gpus.Return(taken);
            // What is not removed yet is still taken.
            request.Place.RemoveProgram(claim.Dispose);
        }
    }

    /// <summary>A hub of before counts says only that one is needed.</summary>
    private static int GpuCount(Assignment assignment) => assignment.Requirements switch
    {
        { GpuCount: > 0 and var count } => count,
        { GpuRequired: true } => 1,
        _ => 0,
    };

    /// <summary>What it prints goes to those who watch while it runs.</summary>
    private async Task<RunResult> RunWatched(IRunner runner, RunRequest request, Action began, CancellationToken kill)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(kill);
        var key = new AttemptKey(request.TaskId, request.Attempt);
        var watched = Task.CompletedTask;
        try
        {
            return await runner.Run(request, () =>
            {
                began();
                watched = LiveOutput.Run(transfers, key, request.Place, time, ended.Token);
            }, kill);
        }
        finally
        {
            await ended.CancelAsync();
            // Whoever watched, the run ended as it did.
            await watched.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static RunRequest Request(HeldAttempt attempt, Assignment assignment, RunPlace place)
    {
        var needs = assignment.Requirements ?? new TaskRequirements();
        return new RunRequest
        {
            TaskId = attempt.Key.TaskId,
            Attempt = attempt.Key.Attempt,
            Place = place,
            Stop = attempt.Stop.Token,
            Grace = assignment.GraceMs == 0 ? RunRequest.DefaultGrace : TimeSpan.FromMilliseconds(Math.Clamp(assignment.GraceMs, 0, LongestGraceMs)),
            Arguments = assignment.Arguments,
            StandardInput = assignment.StandardInput.Memory,
            StandardInputPath = assignment.StandardInputSha256.Length > 0 ? place.Stdin : null,
            Environment = new Dictionary<string, string>(assignment.Environment),
            Cores = needs.CpuCores > 0 ? needs.CpuCores : 1,
            MemoryMb = needs.MemoryMb > 0 ? needs.MemoryMb : 256,
            Timeout = TimeoutOf(assignment),
            MaxOutputBytes = needs.MaxOutputMb > 0 ? needs.MaxOutputMb << 20 : RunRequest.DefaultMaxOutputBytes,
        };
    }

    /// <summary>What the hub says this attempt may run. A hub from before it said so: what the task asked for.</summary>
    internal static TimeSpan TimeoutOf(Assignment assignment)
    {
        var ms = assignment.RunTimeoutMs > 0 ? assignment.RunTimeoutMs
            : assignment.Requirements is { TimeoutSeconds: > 0 } asked ? Math.Min(asked.TimeoutSeconds, LongestTimeoutMs / 1000) * 1000 : 3_600_000;
        return TimeSpan.FromMilliseconds(Math.Min(ms, LongestTimeoutMs));
    }

    private async Task<TaskReport?> Report(HeldAttempt attempt, RunResult result)
    {
        table.Sending(attempt);
        OutputRef? output = null, errors = null;
        try
        {
            if (attempt.Place is { } place && result.Reason is not (RunReasons.WorkerFault or RunReasons.WorkerRefused))
            {
                attempt.Uploads++;
                output = await transfers.SendOutput(attempt.Key, "stdout", place.Stdout, attempt.Drop.Token);
                errors = await transfers.SendOutput(attempt.Key, "stderr", place.Stderr, attempt.Drop.Token);
            }
        }
        catch (OperationCanceledException) when (attempt.Drop.IsCancellationRequested)
        {
            return Dropped(attempt, answered: false);
        }
        catch (RpcException e) when (e.StatusCode is StatusCode.Aborted or StatusCode.NotFound)
        {
            return Dropped(attempt, e.StatusCode == StatusCode.Aborted);
        }
        catch (Exception e)
        {
            result = result with { Reason = RunReasons.WorkerFault, Message = Explain(e) };
        }
        return Ended(attempt, result, output, errors);
    }

    private TaskReport Ended(HeldAttempt attempt, RunResult result, OutputRef? output = null, OutputRef? errors = null)
    {
        var report = new TaskReport
        {
            TaskId = attempt.Key.TaskId,
            Attempt = attempt.Key.Attempt,
            Kind = TaskReportKind.Ended,
            // A hub of before knows a signal by the shell's number only.
            ExitCode = result.Signal > 0 ? 128 + result.Signal : result.ExitCode ?? 0,
            TermSignal = result.Signal,
            ErrorReason = result.Reason,
            ErrorMessage = result.Message,
            RunMs = result.RunMs,
            MemoryPeakMb = result.MemoryPeakMb,
            CpuMs = result.CpuMs,
            Result = output,
            Stderr = errors,
        };
        table.End(attempt, report, time.GetTimestamp());
        return report;
    }

    /// <summary>Strangers read it: this machine's folders are not theirs to know.</summary>
    private string Explain(Exception e) => MachineFault.IsDiskFull(e) ? MachineFault.DiskFull
        : e is RpcException rpc && rpc.Status.Detail.Length > 0 ? rpc.Status.Detail
        : e.Message.Replace(work.Root, "the worker's folder", StringComparison.Ordinal);

    private TaskReport? Dropped(HeldAttempt attempt, bool answered)
    {
        table.Remove(attempt, answered);
        return null;
    }
}

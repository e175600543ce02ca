using Grpc.Core;
using HiveMind.Protos;
using HiveMind.Workers.Attempts;
using HiveMind.Workers.Machine;
using HiveMind.Workers.Runs;

namespace HiveMind.Workers.Connection;

/// <summary>
/// What the hub says becomes runs, and how they end becomes reports. Outlives every connection: a stream that breaks changes nothing
/// for what runs, only a lease that is gone does.
/// </summary>
internal sealed class WorkerAgent(
    NodeCapabilities capabilities, AttemptTable table, AttemptExecutor executor, UsageMeter usage, DiskRoom room, WorkerLease lease, Random chance,
    TimeProvider time, IWorkerConsole console)
{
    private static readonly TimeSpan Unanswered = TimeSpan.FromSeconds(5), LeaseTick = TimeSpan.FromMilliseconds(250);
    private const int MostUploads = 3;
    private volatile HubSession? _session;
    private volatile bool _draining;
    private bool _diskWasFull;

    public NodeCapabilities Capabilities => capabilities;

    public IReadOnlyList<AttemptRef> RunningSet() => table.RunningSet();

    public ResourceUsage Usage()
    {
        var now = usage.Read();
        now.DiskFull = IsDiskFull();
        return now;
    }

    /// <summary>Said when it changes.</summary>
    private bool IsDiskFull()
    {
        var full = room.IsFull;
        if (Interlocked.Exchange(ref _diskWasFull, full) != full)
            console.Say(full ? WorkerEvent.Warning : WorkerEvent.Info, full
                ? "The disk under the work directory is full: no new tasks are taken until there is room again."
                : "There is room on the disk again: tasks are taken.");
        return full;
    }

    public void Attach(HubSession session, HubWelcome welcome)
    {
        table.AllDue(time.GetTimestamp());
        _session = session;
        console.Say(WorkerEvent.Connected, $"Connected as node {welcome.NodeId} (connection {welcome.Epoch}); {Held()}.");
        if (_draining)
            session.SendDrain();
    }

    public void Detach() => _session = null;

    public IReadOnlyList<TaskReport> DueReports() => table.Due(time.GetTimestamp(), After(Unanswered));

    /// <summary>
    /// Assigned twice is assigned once: what is held or was answered is left alone. Without a lease nothing begins: the hub was away, and what it sent may
    /// be old. The next heartbeat does not name it, so it is assigned again.
    /// </summary>
    public void Assigned(Assignment assignment)
    {
        if (!lease.IsHeld)
            return;
        var key = new AttemptKey(assignment.TaskId, assignment.Attempt);
        if (table.TryHold(key) is not { } attempt)
            return;
        var earlier = table.Others(key);
        if (earlier.Any(a => a.Key.Attempt > key.Attempt))
        {
            table.Remove(attempt, answered: false);
            return;
        }
        foreach (var stale in earlier)
            Drop(stale, "a newer attempt was assigned");
        if (_draining)
        {
            Refuse(attempt, "This worker is leaving.");
            return;
        }
        // A hub that heard the last heartbeat sends nothing; one of before does not know.
        if (IsDiskFull())
        {
            Refuse(attempt, MachineFault.DiskFull);
            return;
        }
        attempt.Completion = Task.Run(() => Carry(attempt, assignment, [.. earlier.Select(a => a.Completion)]));
    }

    /// <summary>
    /// Not held: the hub is told so at once. But one that was answered it has let go of itself: it was named in a heartbeat that crossed the answer, and so
    /// are others by now; a heartbeat for each would cross answers again, and they would multiply.
    /// </summary>
    public void Killed(AttemptKey key, string reason)
    {
        if (table.Find(key) is { } attempt)
            AskToEnd(attempt, reason.Length > 0 ? reason : "the hub wants it no more");
        else if (!table.WasAnswered(key))
            _session?.SendHeartbeat();
    }

    /// <summary>0: the hub has it for good. 10: the attempt is another's. 14 and its like: later.</summary>
    public void Answered(ReportAnswer answer, TaskReportKind kind)
    {
        if (table.Find(new AttemptKey(answer.TaskId, answer.Attempt)) is not { } attempt)
            return;
        var code = (StatusCode)answer.Code;
        if (kind == TaskReportKind.Started)
        {
            if (code == StatusCode.Aborted)
                Drop(attempt, Text(answer));
            return;
        }
        if (attempt.Report is not { } report)
            return;
        if (HubFailures.IsTransient(code))
        {
            var backoff = Backoff.Default(chance);
            table.Later(attempt, refusals =>
            {
                var wait = TimeSpan.Zero;
                for (var i = 0; i < Math.Min(refusals, 8); i++)
                    wait = backoff.Next();
                return After(wait);
            });
        }
        else if (code is StatusCode.FailedPrecondition or StatusCode.InvalidArgument && HasReceipt(report) && attempt.Uploads < MostUploads)
        {
            attempt.Completion = Task.Run(() => SendAgain(attempt, report));
        }
        else
        {
            if (code != StatusCode.OK)
                console.Say(WorkerEvent.Warning, $"Task {attempt.Key}: the hub did not take the result: {Text(answer)}");
            table.Remove(attempt, answered: true);
        }
    }

    /// <summary>Kills what runs as soon as the lease is gone: from then on the hub may give it to another.</summary>
    public async Task WatchLease(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            var left = lease.Remaining;
            if (left <= TimeSpan.Zero)
                foreach (var attempt in table.All().Where(a => a.Phase is AttemptPhase.Preparing or AttemptPhase.Running))
                    Drop(attempt, "the lease is gone");
            // Short turns: timers stand still while the machine sleeps.
            var turn = left > TimeSpan.Zero && left < LeaseTick ? left : LeaseTick;
            await Task.Delay(turn, time, cancel).ContinueWith(_ => { }, TaskScheduler.Default);
        }
    }

    /// <summary>Takes nothing new, lets runs finish for a while, hands the rest back, and waits until the hub has heard of all.</summary>
    public async Task Drain(TimeSpan patience)
    {
        _draining = true;
        _session?.SendDrain();
        if (table.Count > 0 && patience > TimeSpan.Zero)
            await Until(() => table.All().All(a => a.Phase > AttemptPhase.Running), patience);
        foreach (var attempt in table.All())
            await attempt.Stop.CancelAsync();
        if (_session is { } session)
        {
            await Until(() => table.Count == 0, TimeSpan.FromSeconds(5) + RunRequest.DefaultGrace);
            session.Close();
        }
    }

    /// <summary>Ends everything and comes back when no program is left.</summary>
    public async Task DropAll(string reason)
    {
        var all = table.All();
        foreach (var attempt in all)
            Drop(attempt, reason);
        await Task.WhenAll(all.Select(a => a.Completion));
    }

    private async Task Carry(HeldAttempt attempt, Assignment assignment, IReadOnlyList<Task> earlier)
    {
        var report = await executor.Execute(attempt, assignment, earlier, () =>
        {
            if (!table.Begin(attempt))
                return;
            console.Say(WorkerEvent.TaskStarted, $"Task {attempt.Key} started.");
            _session?.SendStarted(attempt.Key);
        });
        if (report is null)
        {
            _session?.SendHeartbeat();
            return;
        }
        var how = report.ErrorReason.Length == 0 ? "completed" : $"ended: {report.ErrorReason}, {report.ErrorMessage}";
        console.Say(WorkerEvent.TaskEnded, $"Task {attempt.Key} {how} ({report.RunMs / 1000.0:0.00} s).");
        _session?.SendDueReports();
    }

    private async Task SendAgain(HeldAttempt attempt, TaskReport report)
    {
        if (await executor.Resend(attempt, report) is not null)
            _session?.SendDueReports();
    }

    private void Refuse(HeldAttempt attempt, string message)
    {
        table.End(attempt, new TaskReport
        {
            TaskId = attempt.Key.TaskId, Attempt = attempt.Key.Attempt, Kind = TaskReportKind.Ended,
            ErrorReason = RunReasons.WorkerRefused, ErrorMessage = message,
        }, time.GetTimestamp());
        _session?.SendDueReports();
    }

    /// <summary>As <see cref="Drop"/>, but a program that runs is asked first.</summary>
    private void AskToEnd(HeldAttempt attempt, string reason)
    {
        if (attempt.Phase > AttemptPhase.Running)
        {
            Drop(attempt, reason);
            return;
        }
        if (attempt.IsUnwanted)
            return;
        attempt.IsUnwanted = true;
        console.Say(WorkerEvent.TaskDropped, $"Task {attempt.Key} is asked to end: {reason}.");
        attempt.Stop.CancelAsync();
    }

    /// <summary>It leaves the table when its program is gone; what has ended already leaves at once.</summary>
    private void Drop(HeldAttempt attempt, string reason)
    {
        if (!attempt.Drop.IsCancellationRequested)
        {
            console.Say(WorkerEvent.TaskDropped, $"Task {attempt.Key} stopped: {reason}.");
            attempt.Drop.CancelAsync();
        }
        if (attempt.Phase == AttemptPhase.Ended)
        {
            table.Remove(attempt, answered: false);
            _session?.SendHeartbeat();
        }
    }

    private async Task Until(Func<bool> condition, TimeSpan patience)
    {
        var since = time.GetTimestamp();
        while (!condition() && time.GetElapsedTime(since) < patience)
            await Task.Delay(TimeSpan.FromMilliseconds(20), time);
    }

    private static bool HasReceipt(TaskReport report) => report.Result?.Receipt.Length > 0 || report.Stderr?.Receipt.Length > 0;

    private static string Text(ReportAnswer answer) => answer.Message.Length > 0 ? answer.Message : answer.Reason;

    private string Held() => table.Count switch { 0 => "waiting for tasks", 1 => "1 task is still here", var n => $"{n} tasks are still here" };

    private long After(TimeSpan wait) => time.GetTimestamp() + (long)(wait.TotalSeconds * time.TimestampFrequency);
}

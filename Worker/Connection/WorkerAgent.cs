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
    /// <summary>How long a worker that stops waits for the hub to hear how its runs ended: on a connection, or for one.</summary>
    private static readonly TimeSpan HandBackPatience = TimeSpan.FromSeconds(20), ResultPatience = TimeSpan.FromSeconds(10), NoHubPatience = TimeSpan.FromSeconds(1);
    private const int MostUploads = 3;
    private const long LongestLeaseMs = 40L * 24 * 3600 * 1000;
    private readonly Lock _moving = new();
    private volatile HubSession? _session;
    private bool _isMoving;
    private volatile bool _draining;
    private bool _diskWasFull;

    public bool IsConnected => _session is { IsSilent: false };

    /// <summary>Something runs here that a hub which is back soon enough keeps.</summary>
    public bool HasRuns => table.All().Any(a => a.Phase is AttemptPhase.Preparing or AttemptPhase.Running);

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

    /// <summary>
    /// For a connection that is to replace another. From now on, until it is attached or given up, nothing begins: what the old one still brings is not in this
    /// hello, so the hub grants it anew, perhaps to another.
    /// </summary>
    public WorkerHello Hello()
    {
        lock (_moving)
        {
            _isMoving = true;
            var hello = new WorkerHello { Capabilities = capabilities };
            hello.Running.AddRange(table.RunningSet());
            return hello;
        }
    }

    /// <summary>The other connection came to nothing: the one there is goes on.</summary>
    public void Stay()
    {
        lock (_moving)
            _isMoving = false;
    }

    public void Attach(HubSession session, HubWelcome welcome)
    {
        lock (_moving)
        {
            table.AllDue(time.GetTimestamp());
            _session = session;
            _isMoving = false;
        }
        console.Say(WorkerEvent.Connected, $"Connected as node {welcome.NodeId} (connection {welcome.Epoch}); {Held()}.");
        if (_draining)
            session.SendDrain();
    }

    public void Detach(HubSession session)
    {
        lock (_moving)
            if (_session == session)
                _session = null;
    }

    public IReadOnlyList<TaskReport> DueReports() => table.Due(time.GetTimestamp(), After(Unanswered));

    /// <summary>
    /// Assigned twice is assigned once: what is held or was answered is left alone. Without a lease nothing begins: the hub was away, and what it sent may
    /// be old. The next heartbeat does not name it, so it is assigned again.
    /// </summary>
    public void Assigned(Assignment assignment, HubSession from)
    {
        if (!lease.IsHeld)
            return;
        var key = new AttemptKey(assignment.TaskId, assignment.Attempt);
        HeldAttempt? attempt;
        lock (_moving)
            attempt = _isMoving || from != _session ? null : table.TryHold(key);
        if (attempt is null)
            return;
        attempt.Lease = TimeSpan.FromMilliseconds(Math.Clamp(assignment.LeaseMs, 0, LongestLeaseMs));
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

    /// <summary>
    /// 0: the hub has it for good. 10: the attempt is another's, but where only the connection was an older one: another brings it. 14 and its like: later.
    /// </summary>
    public void Answered(ReportAnswer answer, TaskReportKind kind)
    {
        if (table.Find(new AttemptKey(answer.TaskId, answer.Attempt)) is not { } attempt)
            return;
        var code = (StatusCode)answer.Code;
        if (code == StatusCode.Aborted && answer.Reason == HubFailures.StaleEpoch)
            return;
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

    /// <summary>Kills each run as soon as its lease is gone: from then on the hub may give it to another.</summary>
    public async Task WatchLease(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            // Short turns: timers stand still while the machine sleeps.
            var turn = LeaseTick;
            foreach (var attempt in table.All().Where(a => a.Phase is AttemptPhase.Preparing or AttemptPhase.Running))
            {
                var left = lease.RemainingOf(attempt.Lease);
                if (left <= TimeSpan.Zero)
                    Drop(attempt, "the lease is gone");
                else if (left < turn)
                    turn = left;
            }
            await Task.Delay(turn, time, cancel).ContinueWith(_ => { }, TaskScheduler.Default);
        }
    }

    /// <summary>
    /// Takes nothing new, lets runs finish for a while, hands the rest back, and waits until the hub has heard of all: longer for a result that is
    /// lost with this worker than for a run that begins anew elsewhere anyway.
    /// </summary>
    public async Task Drain(TimeSpan patience)
    {
        _draining = true;
        _session?.SendDrain();
        if (table.Count > 0 && patience > TimeSpan.Zero)
            await Until(() => table.All().All(a => a.Phase > AttemptPhase.Running), () => patience);
        foreach (var attempt in table.All())
            await attempt.Stop.CancelAsync();
        await Until(() => table.Count == 0, HandBack);
        _session?.Close();
    }

    private TimeSpan HandBack() => _session is { IsSilent: false } ? HandBackPatience : table.All().Any(HasResult) ? ResultPatience : NoHubPatience;

    private static bool HasResult(HeldAttempt attempt) =>
        attempt.Phase == AttemptPhase.SendingOutput || attempt.Report is { ErrorReason: not (RunReasons.WorkerFault or RunReasons.WorkerRefused) };

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

    private async Task Until(Func<bool> condition, Func<TimeSpan> patience)
    {
        var since = time.GetTimestamp();
        while (!condition() && time.GetElapsedTime(since) < patience())
            await Task.Delay(TimeSpan.FromMilliseconds(20), time);
    }

    private static bool HasReceipt(TaskReport report) => report.Result?.Receipt.Length > 0 || report.Stderr?.Receipt.Length > 0;

    private static string Text(ReportAnswer answer) => answer.Message.Length > 0 ? answer.Message : answer.Reason;

    private string Held() => table.Count switch { 0 => "waiting for tasks", 1 => "1 task is still here", var n => $"{n} tasks are still here" };

    private long After(TimeSpan wait) => time.GetTimestamp() + (long)(wait.TotalSeconds * time.TimestampFrequency);
}

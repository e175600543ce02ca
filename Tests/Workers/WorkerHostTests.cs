using System.Security.Cryptography;
using System.Text;
using Google.Protobuf;
using Grpc.Core;
using HiveMind.Protos;
using HiveMind.Tests.Processes;
using HiveMind.Workers;
using HiveMind.Workers.Machine;
using HiveMind.Workers.Runs;

namespace HiveMind.Tests.Workers;

/// <summary>The whole worker against a hub that a test plays.</summary>
public sealed class WorkerHostTests : IAsyncLifetime
{
    private readonly string _root = Directory.CreateTempSubdirectory("hivemind-test-").FullName;
    private readonly ConsoleSpy _console = new();
    private readonly CancellationTokenSource _stop = new();
    private FakeHub _hub = null!;
    private Task<int> _worker = Task.FromResult(-1);

    public async ValueTask InitializeAsync() => _hub = await FakeHub.Start();

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _worker;
        await _hub.DisposeAsync();
        RunPlace.Remove(_root);
    }

    [Fact]
    public async Task Assign_Noop_StartedAndEndedAreReportedAndItIsForgotten()
    {
        await Begin();
        await _hub.Link.Assign(Noop("a"));
        await Fakes.Until(() => _hub.Ended.Any());
        Assert.Equal([TaskReportKind.Started, TaskReportKind.Ended], _hub.Reports.Select(r => r.Kind));
        Assert.Equal(("a", 1, "", 0), _hub.Ended.Select(r => (r.TaskId, r.Attempt, r.ErrorReason, r.ExitCode)).Single());
        await HoldsNothing();
        Assert.Equal("Bearer token", _hub.Tokens.First());
        Assert.Contains("noop", _hub.Hellos.First().Capabilities.SupportedTasks);
    }

    [Fact]
    public async Task Assign_Twice_RunsOnce()
    {
        await Begin();
        await _hub.Link.Assign(Noop("a", wait: 300));
        await _hub.Link.Assign(Noop("a", wait: 300));
        await Fakes.Until(() => _hub.Ended.Any());
        await _hub.Link.Assign(Noop("a"));
        await _hub.Link.Assign(Noop("b"));
        await Fakes.Until(() => _hub.Ended.Any(r => r.TaskId == "b"));
        Assert.Single(_hub.Reports, r => r is { TaskId: "a", Kind: TaskReportKind.Started });
        Assert.Single(_hub.Ended, r => r.TaskId == "a");
    }

    [Fact]
    public async Task Assign_RunTimeoutOfTheAttempt_ComesBeforeThatOfTheTask()
    {
        await Begin();
        var assignment = Noop("a", wait: 60_000);
        assignment.RunTimeoutMs = 50;
        await _hub.Link.Assign(assignment);
        await Fakes.Until(() => _hub.Ended.Any());
        Assert.Equal(RunReasons.RunTimeout, _hub.Ended.Single().ErrorReason);
    }

    [Theory]
    [InlineData(50, 3600, 50)]
    [InlineData(0, 90, 90_000)] // a hub from before there was one
    [InlineData(0, 0, 3_600_000)]
    [InlineData(long.MaxValue, 0, 40L * 24 * 3600 * 1000)]
    [InlineData(0, long.MaxValue, 40L * 24 * 3600 * 1000)]
    public void TimeoutOf_Assignment_IsTheAttemptsOrTheTasks(long attemptMs, long taskSeconds, long expectedMs) => Assert.Equal(
        expectedMs, (long)HiveMind.Workers.Attempts.AttemptExecutor.TimeoutOf(
            new() { RunTimeoutMs = attemptMs, Requirements = new() { TimeoutSeconds = taskSeconds } }).TotalMilliseconds);

    [Fact]
    public async Task Assign_UnknownType_IsRefused()
    {
        await Begin();
        await _hub.Link.Assign(Noop("a", type: "docker"));
        await Fakes.Until(() => _hub.Ended.Any());
        Assert.Equal(RunReasons.WorkerRefused, _hub.Ended.Single().ErrorReason);
    }

    [Fact]
    public async Task Assign_NewerAttempt_TheOlderIsDropped()
    {
        await Begin();
        await _hub.Link.Assign(Noop("a", wait: 60_000));
        await Fakes.Until(() => _hub.Reports.Any());
        await _hub.Link.Assign(Noop("a", attempt: 2));
        await Fakes.Until(() => _hub.Ended.Any());
        Assert.Equal([2], _hub.Ended.Select(r => r.Attempt));
        await HoldsNothing();
    }

    [Fact]
    public async Task Kill_Running_EndsWithoutReport()
    {
        await Begin();
        await _hub.Link.Assign(Noop("a", wait: 60_000));
        await Fakes.Until(() => Last()?.Running.Any(r => r is { TaskId: "a", Started: true }) == true);
        await _hub.Link.Kill("a", 1);
        await HoldsNothing();
        Assert.Empty(_hub.Ended);
    }

    [Fact]
    public async Task Report_UnavailableTwice_IsSentUntilTaken()
    {
        var refusals = 2;
        _hub.Answer = r => new ReportAnswer { Code = r.Kind == TaskReportKind.Ended && refusals-- > 0 ? 14 : 0 };
        await Begin();
        await _hub.Link.Assign(Noop("a"));
        await Fakes.Until(() => _hub.Ended.Count() == 3);
        await HoldsNothing();
    }

    [Fact]
    public async Task Report_Aborted_IsDropped()
    {
        _hub.Answer = r => new ReportAnswer { Code = r.Kind == TaskReportKind.Ended ? 10 : 0, Reason = "STALE_ATTEMPT" };
        await Begin();
        await _hub.Link.Assign(Noop("a"));
        await Fakes.Until(() => _hub.Ended.Any());
        await HoldsNothing();
        Assert.Single(_hub.Ended);
    }

    [Fact]
    public async Task Started_Aborted_TheRunIsKilled()
    {
        _hub.Answer = _ => new ReportAnswer { Code = 10, Reason = "STALE_ATTEMPT" };
        await Begin();
        await _hub.Link.Assign(Noop("a", wait: 60_000));
        await Fakes.Until(() => _hub.Reports.Any());
        await HoldsNothing();
        Assert.Empty(_hub.Ended);
    }

    [Fact]
    public async Task HubRestarts_TheRunGoesOnAndItsResultArrives()
    {
        await Begin();
        await _hub.Link.Assign(Noop("a", wait: 1500));
        await Fakes.Until(() => _hub.Reports.Any());
        var port = _hub.Address.Port;
        await _hub.Shut();
        await Fakes.Until(() => _console.Lines(WorkerEvent.Reconnecting).Count > 0);
        await _hub.Open(port);
        await Fakes.Until(() => _hub.Ended.Any());
        Assert.Equal("a", Assert.Single(_hub.Hellos.Last().Running).TaskId);
        Assert.Equal("", _hub.Ended.First().ErrorReason);
        Assert.Single(_hub.Reports, r => r.Kind == TaskReportKind.Started);
    }

    [Fact]
    public async Task HubAwayWhenItEnds_TheResultIsKeptAndSentAfterwards()
    {
        await Begin(leaseMs: 400);
        _hub.Answer = r => r.Kind == TaskReportKind.Ended ? null : new ReportAnswer();
        await _hub.Link.Assign(Noop("a"));
        await Fakes.Until(() => _hub.Ended.Any());
        var port = _hub.Address.Port;
        await _hub.Shut();
        _hub.Reports.Clear();
        _hub.Answer = _ => new ReportAnswer();
        await _hub.Open(port);
        await Fakes.Until(() => _hub.Ended.Any());
        await HoldsNothing();
    }

    [Fact]
    public async Task HeartbeatsUnanswered_LeaseGone_TheRunIsKilled()
    {
        await Begin(leaseMs: 1000);
        await _hub.Link.Assign(Noop("a", wait: 60_000));
        await Fakes.Until(() => _hub.Reports.Any());
        // A new connection would be a new lease.
        _hub.RefusesConnections = new RpcException(new Status(StatusCode.Unavailable, "away"));
        _hub.AnswersHeartbeats = false;
        await Fakes.Until(() => _console.Lines(WorkerEvent.TaskDropped).Any(l => l.Contains("lease", StringComparison.Ordinal)));
        _hub.AnswersHeartbeats = true;
        _hub.RefusesConnections = null;
        await HoldsNothing();
        Assert.Empty(_hub.Ended);
        // Its program began under this number: sent again, it is not begun again, and the next attempt is.
        await _hub.Link.Assign(Noop("a"));
        await _hub.Link.Assign(Noop("a", attempt: 2));
        await Fakes.Until(() => _hub.Ended.Any());
        Assert.Equal(2, _hub.Ended.First().Attempt);
        Assert.Equal([1, 2], _hub.Reports.Where(r => r.Kind == TaskReportKind.Started).Select(r => r.Attempt));
    }

    [Fact]
    public async Task HeartbeatsAnswered_PastManyLeases_TheRunGoesOn()
    {
        await Begin(leaseMs: 600);
        await _hub.Link.Assign(Noop("a", wait: 1500));
        await Fakes.Until(() => _hub.Ended.Any());
        Assert.Equal("", _hub.Ended.Single().ErrorReason);
        Assert.Empty(_console.Lines(WorkerEvent.TaskDropped));
    }

    [Theory]
    [InlineData(StatusCode.Unauthenticated, WorkerExit.NotKnown)]
    [InlineData(StatusCode.NotFound, WorkerExit.NotKnown)]
    [InlineData(StatusCode.InvalidArgument, WorkerExit.Refused)]
    public async Task Connect_Refused_EndsWithAClearLine(StatusCode code, int exit)
    {
        _hub.RefusesConnections = new RpcException(new Status(code, "no"));
        Start();
        Assert.Equal(exit, await _worker.WaitAsync(TimeSpan.FromSeconds(30)));
        Assert.Single(_console.Lines(WorkerEvent.Error));
    }

    [Fact]
    public async Task Connect_UnavailableFirst_TriesUntilItIsBack()
    {
        _hub.RefusesConnections = new RpcException(new Status(StatusCode.Unavailable, "starting"));
        Start();
        await Fakes.Until(() => _hub.Tokens.Count >= 2);
        _hub.RefusesConnections = null;
        await Fakes.Until(() => _hub.HasWorker);
        Assert.Single(_console.Lines(WorkerEvent.Reconnecting));
    }

    [Fact]
    public async Task StaleEpoch_OfAHubThatTellsNoStartsApart_StopsAndKills()
    {
        _hub.OneWorker = false;
        await Begin();
        await _hub.Link.Assign(Noop("a", wait: 60_000));
        await Fakes.Until(() => _hub.Reports.Any());
        _hub.Link.Cut(new RpcException(new Status(StatusCode.Aborted, "STALE_EPOCH: another connection")));
        Assert.Equal(WorkerExit.Refused, await _worker.WaitAsync(TimeSpan.FromSeconds(30)));
        Assert.Contains("took over", Assert.Single(_console.Lines(WorkerEvent.Error)), StringComparison.Ordinal);
        Assert.Single(_console.Lines(WorkerEvent.TaskDropped));
    }

    /// <summary>It was silent for long, and another runs as its node: it asks once more, is told so, and ends for good.</summary>
    [Fact]
    public async Task StaleEpoch_AnotherRunsAsThisNode_EndsWithACodeOfItsOwnAndKills()
    {
        await Begin();
        await _hub.Link.Assign(Noop("a", wait: 60_000));
        await Fakes.Until(() => _hub.Reports.Any());
        _hub.RefusesConnections = Failure(StatusCode.FailedPrecondition, "NODE_IN_USE");
        _hub.Link.Cut(Failure(StatusCode.Aborted, "STALE_EPOCH"));
        Assert.Equal(WorkerExit.AlreadyRunning, await _worker.WaitAsync(TimeSpan.FromSeconds(30)));
        Assert.Contains("one too many", Assert.Single(_console.Lines(WorkerEvent.Error)), StringComparison.Ordinal);
        Assert.Single(_console.Lines(WorkerEvent.TaskDropped));
    }

    [Fact]
    public async Task Connect_AnEarlierStartMayBeAlive_WaitsQuietlyUntilTheHubLetsItIn()
    {
        _hub.RefusesConnections = Failure(StatusCode.Unavailable, "NODE_HELD");
        Start();
        await Fakes.Until(() => _hub.Tokens.Count >= 3);
        _hub.RefusesConnections = null;
        await Fakes.Until(() => _hub.HasWorker);
        Assert.Single(_console.Lines(WorkerEvent.Reconnecting));
        Assert.Empty(_console.Lines(WorkerEvent.Error));
    }

    [Fact]
    public async Task Hello_EachConnectionOfAStart_SaysTheSameInstance_TheNextStartSucceedsOneThatWasKilled()
    {
        File.WriteAllText(Path.Combine(_root, "instance-" + Hash("node")), $"{File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim()}\n{new string('a', 32)}\n");
        await Begin();
        _hub.Link.Cut();
        await Fakes.Until(() => _hub.Hellos.Count == 2);
        var instance = Assert.Single(_hub.Hellos.Select(h => h.InstanceId).Distinct());
        Assert.Equal(32, instance.Length);
        Assert.All(_hub.Hellos, h => Assert.Equal([new string('a', 32)], h.Succeeds));
    }

    /// <summary>Sent by a hub that was away for longer than the lease: it may be old, and would be killed at once.</summary>
    [Fact]
    public async Task Assigned_TheLeaseIsGone_BeginsNothing()
    {
        await Begin(leaseMs: 1000);
        await _hub.Link.Assign(Noop("a", wait: 60_000));
        await Fakes.Until(() => _hub.Reports.Any());
        _hub.AnswersHeartbeats = false;
        await Fakes.Until(async () =>
        {
            await _hub.Link.Kill("nobody", 1); // the hub is heard, so the connection stays
            return _console.Lines(WorkerEvent.TaskDropped).Any(l => l.Contains("lease", StringComparison.Ordinal));
        });

        await _hub.Link.Assign(Noop("late"));
        _hub.AnswersHeartbeats = true;
        await HoldsNothing();
        await HoldsNothing();
        await _hub.Link.Assign(Noop("fresh"));
        await Fakes.Until(() => _hub.Ended.Any());
        Assert.Equal("fresh", Assert.Single(_hub.Ended).TaskId);
        Assert.Single(_hub.Hellos);
    }

    [Fact]
    public async Task Stop_WithARun_DrainsAndHandsItBack()
    {
        await Begin();
        await _hub.Link.Assign(Noop("a", wait: 60_000));
        await Fakes.Until(() => _hub.Reports.Any());
        await _stop.CancelAsync();
        Assert.Equal(WorkerExit.Ok, await _worker.WaitAsync(TimeSpan.FromSeconds(30)));
        Assert.Equal((RunReasons.WorkerFault, "worker stopped"), _hub.Ended.Select(r => (r.ErrorReason, r.ErrorMessage)).Single());
        Assert.Equal(1, _hub.Drains);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_root));
    }

    [Fact]
    public async Task Stop_WithDrainTimeout_TheRunMayFinish()
    {
        await Begin(with: o => o with { DrainTimeout = TimeSpan.FromSeconds(20) });
        await _hub.Link.Assign(Noop("a", wait: 600));
        await Fakes.Until(() => _hub.Reports.Any());
        await _stop.CancelAsync();
        Assert.Equal(WorkerExit.Ok, await _worker.WaitAsync(TimeSpan.FromSeconds(30)));
        Assert.Equal("", _hub.Ended.Single().ErrorReason);
    }

    [Fact]
    public async Task Python_LargePayloadAndOutput_TravelBesideTheStream()
    {
        await BeginPython();
        _hub.Payload = Encoding.UTF8.GetBytes("#" + new string('x', 200_000) + "\nprint('y' * 150000)\nimport sys; print('small', file=sys.stderr)");
        _hub.FailingUploads = 1;
        await _hub.Link.Assign(new Assignment
        {
            TaskId = "p", Attempt = 1, TaskType = "python", PayloadSize = _hub.Payload.Length,
            PayloadSha256 = Convert.ToHexStringLower(SHA256.HashData(_hub.Payload)),
        });
        await Fakes.Until(() => _hub.Ended.Any());
        var report = _hub.Ended.First();
        Assert.Equal(("", 0), (report.ErrorReason, report.ExitCode));
        Assert.Equal((150_001L, "receipt", ""), (report.Result.Size, report.Result.Receipt.ToStringUtf8(), report.Result.Inline.ToStringUtf8()));
        Assert.Equal(150_001, _hub.Uploads.Single().Length);
        Assert.Equal(("small\n", ""), (report.Stderr.Inline.ToStringUtf8(), report.Stderr.Sha256));
        await Fakes.Until(() => Directory.EnumerateDirectories(_root, "run-*", SearchOption.AllDirectories).Any() is false);
    }

    [Fact]
    public async Task Python_PayloadIsNotWhatWasPromised_IsTheWorkersFaultNotTheProgramsRun()
    {
        await BeginPython();
        _hub.Payload = "print('other')"u8.ToArray();
        await _hub.Link.Assign(new Assignment { TaskId = "p", Attempt = 1, TaskType = "python", PayloadSize = 14, PayloadSha256 = new string('0', 64) });
        await Fakes.Until(() => _hub.Ended.Any());
        Assert.Equal(RunReasons.WorkerFault, _hub.Ended.First().ErrorReason);
        Assert.DoesNotContain(_hub.Reports, r => r.Kind == TaskReportKind.Started);
    }

    [Fact]
    public async Task Assign_MoreGpusThanThereAre_IsTheWorkersFaultAndNothingRuns()
    {
        await Begin(with: o => o with { MaxGpus = 0 });
        var assignment = Noop("a");
        assignment.Requirements = new TaskRequirements { GpuCount = 2, GpuRequired = true };
        await _hub.Link.Assign(assignment);
        await Fakes.Until(() => _hub.Ended.Any());
        Assert.Equal(
            (RunReasons.WorkerFault, "It needs 2 GPUs of its own; so many are not free here."), _hub.Ended.Select(r => (r.ErrorReason, r.ErrorMessage)).First());
        Assert.DoesNotContain(_hub.Reports, r => r.Kind == TaskReportKind.Started);
    }

    [Theory]
    [InlineData(2, "Stopped above its 2 MB of disk.")]
    [InlineData(0, "Stopped above the 3 MB of disk that this machine lends; reserve some with disk_mb.")]
    public async Task Python_FilesAboveTheDisk_EndItWithItsOutputKept(long reserved, string message)
    {
        await Begin(with: o => o with { MaxDiskMb = 3 });
        Assert.SkipUnless(_hub.Hellos.First().Capabilities.SupportedTasks.Contains(TaskTypes.Python), "python3 or util-linux is not installed.");
        Assert.Equal(3, _hub.Hellos.First().Capabilities.DiskMb);
        const string Code = "print('said', flush=True)\nfor i in range(4): open(str(i), 'wb').write(bytes(1 << 20))\nimport time; time.sleep(60)";
        await _hub.Link.Assign(new Assignment
        {
            TaskId = "p", Attempt = 1, TaskType = "python", Payload = ByteString.CopyFromUtf8(Code), PayloadSize = Code.Length,
            Requirements = new TaskRequirements { DiskMb = reserved },
        });
        await Fakes.Until(() => _hub.Ended.Any());
        var report = _hub.Ended.First();
        Assert.Equal((RunReasons.OutOfDisk, message, "said\n"), (report.ErrorReason, report.ErrorMessage, report.Result.Inline.ToStringUtf8()));
    }

    [Fact]
    public async Task Report_ReceiptIsLost_TheOutputIsSentAgain()
    {
        await BeginPython();
        var refusals = 1;
        _hub.Answer = r => new ReportAnswer { Code = r.Kind == TaskReportKind.Ended && refusals-- > 0 ? 9 : 0, Reason = "UNKNOWN_RECEIPT" };
        await _hub.Link.Assign(new Assignment
        {
            TaskId = "p", Attempt = 1, TaskType = "python", Payload = ByteString.CopyFromUtf8("print('y' * 5000)"), PayloadSize = 17,
        });
        await Fakes.Until(() => _hub.Ended.Count() == 2);
        await HoldsNothing();
        Assert.Equal(2, _hub.Uploads.Count);
    }

    [Theory]
    [InlineData("import os; os.kill(os.getpid(), 9)", 137, "Ended by signal 9 (SIGKILL).")]
    [InlineData("raise SystemExit(137)", 137, "Ended with exit code 137.")]
    [InlineData("raise SystemExit(255)", 255, "Ended with exit code 255.")]
    public async Task Assign_ProgramEndsBySignalOrByCode_TheReportTellsThemApart(string code, int exitCode, string message)
    {
        await BeginPython();
        await _hub.Link.Assign(Python("a", code));
        await Fakes.Until(() => _hub.Ended.Any());
        Assert.Equal((exitCode, message), (_hub.Ended.First().ExitCode, _hub.Ended.First().ErrorMessage));
    }

    [Theory]
    [InlineData("import os\nfor _ in range(60):\n    os.mkdir('d' * 200); os.chdir('d' * 200)")]
    [InlineData("import os\nos.mkdir(b'\\xff\\n'); open(b'\\xff\\n/\\xfe', 'w'); os.mkfifo('pipe'); os.mkdir('shut', 0)")]
    [InlineData("import os\nos.makedirs('a/b'); open('a/b/f', 'w'); os.system('chattr -R -f +i a')")]
    [InlineData("for i in range(3000): open(str(i), 'w')")]
    public async Task Assign_ProgramLeavesWhatIsHardToRemove_ItIsReportedAndAllGoes(string code)
    {
        await BeginPython();
        await _hub.Link.Assign(Python("a", code));
        await Fakes.Until(() => _hub.Ended.Any());
        Assert.Equal(("", ""), (_hub.Ended.First().ErrorReason, _hub.Ended.First().ErrorMessage));
        await HoldsNothing();
        await Fakes.Until(() => !Directory.EnumerateDirectories(Directory.GetDirectories(_root, "w-*").Single(), "r-*").Any());
        await _stop.CancelAsync();
        Assert.Equal(0, await _worker);
        Assert.Empty(Directory.EnumerateDirectories(_root));
    }

    [Fact]
    public async Task Assign_OutputFillsTheDisk_EndsAtOnceAsTheMachinesFaultAndNothingNewIsTakenUntilThereIsRoom()
    {
        using var disk = SmallDisk.TryMount("tmpfs", 30, Path.Combine(_root, "disk"), out var why);
        Assert.SkipUnless(disk is not null, why);
        await BeginPython(o => o with { WorkDirectory = disk!.Path });
        await _hub.Link.Assign(Python("a", "while True: print('x' * 100000)"));
        await Fakes.Until(() => _hub.Ended.Any());
        Assert.Equal((RunReasons.WorkerFault, "The disk of this machine is full.", 0), _hub.Ended.Select(r => (r.ErrorReason, r.ErrorMessage, r.RunMs)).Single());
        await Fakes.Until(() => _hub.Heartbeats.Any(h => h.Usage.DiskFull));
        await Fakes.Until(() => Last() is { Usage.DiskFull: false, Running.Count: 0 });
        disk!.Fill();
        await Fakes.Until(() => Last()!.Usage.DiskFull);
        // A hub of before sends one all the same.
        await _hub.Link.Assign(Python("b", "print(1)"));
        await Fakes.Until(() => _hub.Ended.Any(r => r.TaskId == "b"));
        Assert.Equal(RunReasons.WorkerRefused, _hub.Ended.Last().ErrorReason);
        Assert.Contains(_console.Lines(WorkerEvent.Warning), line => line.Contains("no new tasks are taken", StringComparison.Ordinal));
        await _stop.CancelAsync();
        await _worker;
    }

    private async Task BeginPython(Func<WorkerOptions, WorkerOptions>? with = null)
    {
        await Begin(with: o => (with is null ? o : with(o)) with { Unsandboxed = true });
        Assert.SkipUnless(_hub.Hellos.First().Capabilities.SupportedTasks.Contains(TaskTypes.Python), "python3 or util-linux is not installed.");
    }

    private static Assignment Python(string task, string code) => new()
    {
        TaskId = task, Attempt = 1, TaskType = "python", Payload = ByteString.CopyFromUtf8(code), PayloadSize = code.Length,
        Requirements = new TaskRequirements { CpuCores = 1, MemoryMb = 128, TimeoutSeconds = 60 },
    };

    private async Task Begin(int leaseMs = 12_000, Func<WorkerOptions, WorkerOptions>? with = null)
    {
        _hub.LeaseMs = leaseMs;
        Start(with);
        await Fakes.Until(() => _hub.HasWorker || _worker.IsCompleted);
        Assert.False(_worker.IsCompleted, string.Join('\n', _console.Lines(WorkerEvent.Error)));
    }

    private void Start(Func<WorkerOptions, WorkerOptions>? with = null)
    {
        var options = Fakes.Options(_hub.Address) with { WorkDirectory = _root };
        _worker = WorkerHost.Run(with is null ? options : with(options), _console, _stop.Token);
    }

    private static Assignment Noop(string task, int attempt = 1, int wait = 0, string type = "noop") => new()
    {
        TaskId = task, Attempt = attempt, TaskType = type, Payload = ByteString.CopyFromUtf8($"{wait}"), PayloadSize = 1,
    };

    private static RpcException Failure(StatusCode code, string reason) => new Google.Rpc.Status
    {
        Code = (int)code, Message = reason, Details = { Google.Protobuf.WellKnownTypes.Any.Pack(new Google.Rpc.ErrorInfo { Reason = reason }) },
    }.ToRpcException();

    private static string Hash(string node) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(node)))[..16];

    private WorkerHeartbeat? Last() => _hub.Heartbeats.LastOrDefault();

    /// <summary>A heartbeat sent from now on lists nothing.</summary>
    private async Task HoldsNothing()
    {
        var seen = _hub.Heartbeats.Count;
        await Fakes.Until(() => _hub.Heartbeats.Skip(seen).Any(h => h.Running.Count == 0));
    }
}

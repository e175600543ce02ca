using Google.Protobuf;
using Grpc.Core;
using HiveMind.Protos;
using HiveMind.Workers;
using HiveMind.Workers.Runs;

namespace HiveMind.Tests.Workers;

/// <summary>A line that is cut for less than the lease costs nothing; a hub that is silent or elsewhere is found by another connection.</summary>
public sealed class CutTests : IAsyncLifetime
{
    private readonly string _root = Directory.CreateTempSubdirectory("hivemind-test-").FullName;
    private readonly ConsoleSpy _console = new();
    private readonly CancellationTokenSource _stop = new();
    private FakeHub _hub = null!;
    private CutLine _line = null!;
    private Task<int> _worker = Task.FromResult(-1);

    public async ValueTask InitializeAsync()
    {
        _hub = await FakeHub.Start();
        _line = new CutLine(_hub.Address);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _worker;
        await _line.DisposeAsync();
        await _hub.DisposeAsync();
        RunPlace.Remove(_root);
    }

    /// <summary>Two thirds of the lease, as 8 s of 12.</summary>
    [Theory]
    [InlineData(Cut.OldForgotten)]
    [InlineData(Cut.Held)]
    [InlineData(Cut.Swallowed)]
    [InlineData(Cut.Refused)]
    public async Task Cut_ShorterThanTheLease_TheRunGoesOnAndIsReportedOnce(Cut cut)
    {
        await Begin(leaseMs: 3000);
        await _hub.Link.Assign(Noop("a", wait: 3500));
        await Fakes.Until(() => _hub.Reports.Any());
        var since = TimeProvider.System.GetTimestamp();
        _line.Begin(cut);
        await Fakes.Until(() => TimeProvider.System.GetElapsedTime(since) > TimeSpan.FromSeconds(2));
        _line.End();
        await Fakes.Until(() => _hub.Ended.Any());
        Assert.Equal("", _hub.Ended.First().ErrorReason);
        Assert.Single(_hub.Reports, r => r.Kind == TaskReportKind.Started);
        Assert.Empty(_console.Lines(WorkerEvent.TaskDropped));
        Assert.Empty(_console.Lines(WorkerEvent.Error));
    }

    [Fact]
    public async Task Silence_OfTwoHeartbeats_AnotherConnectionIsTriedWhileTheFirstIsOpen()
    {
        await Begin(leaseMs: 60_000);
        await _hub.Link.Assign(Noop("a", wait: 60_000));
        await Fakes.Until(() => _hub.Reports.Any());
        var first = _hub.Link;
        _line.Begin(Cut.OldForgotten);
        await Fakes.Until(() => _hub.Hellos.Count == 2);
        Assert.Equal("a", Assert.Single(_hub.Hellos.Last().Running).TaskId);
        Assert.False(first.Ended.IsCancellationRequested, "The hub has no word yet that the first connection is gone.");
        await Fakes.Until(() => _console.Lines(WorkerEvent.Connected).Count == 2);
        Assert.Contains("silent", Assert.Single(_console.Lines(WorkerEvent.Reconnecting)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Silence_TheHubIsHeardAgainOnTheSameConnection_ItStays()
    {
        await Begin(leaseMs: 60_000);
        _hub.AnswersHeartbeats = false;
        _hub.RefusesConnections = new RpcException(new Status(StatusCode.Unavailable, "busy"));
        await Fakes.Until(() => _console.Lines(WorkerEvent.Reconnecting).Count == 1);
        _hub.AnswersHeartbeats = true;
        await Fakes.Until(() => _console.Lines(WorkerEvent.Info).Any(l => l.Contains("heard again", StringComparison.Ordinal)));
        await _hub.Link.Assign(Noop("a"));
        await Fakes.Until(() => _hub.Ended.Any());
        Assert.Single(_hub.Hellos);
    }

    /// <summary>The hub calls the older of two connections stale; a hub from before it told starts apart as well.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task StaleEpoch_OfTheConnectionThatWasReplaced_IsNobodyElse(bool oneWorker)
    {
        _hub.OneWorker = oneWorker;
        await Begin(leaseMs: 60_000);
        await _hub.Link.Assign(Noop("a", wait: 2000));
        await Fakes.Until(() => _hub.Reports.Any());
        var first = _hub.Link;
        _hub.OnHello = () => first.Cut(new RpcException(new Status(StatusCode.Aborted, "STALE_EPOCH: another connection")));
        _hub.AnswersHeartbeats = false;
        await Fakes.Until(() => _hub.Hellos.Count == 2);
        _hub.AnswersHeartbeats = true;
        await Fakes.Until(() => _hub.Ended.Any());
        Assert.Equal("", _hub.Ended.First().ErrorReason);
        Assert.Empty(_console.Lines(WorkerEvent.Error));
    }

    /// <summary>What the older connection still brings is not in the hello of the newer: the hub grants it anew.</summary>
    [Fact]
    public async Task Assigned_OnTheOlderConnectionWhileAnotherSaysHello_BeginsNothing()
    {
        await Begin(leaseMs: 60_000);
        var first = _hub.Link;
        _hub.OnHello = () => first.Assign(Noop("late")).Wait();
        _hub.AnswersHeartbeats = false;
        await Fakes.Until(() => _hub.Hellos.Count == 2);
        _hub.OnHello = () => { };
        _hub.AnswersHeartbeats = true;
        await Fakes.Until(() => _console.Lines(WorkerEvent.Connected).Count == 2);
        await _hub.Link.Assign(Noop("fresh"));
        await Fakes.Until(() => _hub.Ended.Any());
        Assert.Equal("fresh", Assert.Single(_hub.Ended).TaskId);
    }

    /// <summary>A report that an older connection brought too late is not a result that nobody wants.</summary>
    [Fact]
    public async Task Report_RefusedAsOfAStaleConnection_IsKeptForTheNext()
    {
        _hub.Answer = r => r.Kind == TaskReportKind.Ended ? new ReportAnswer { Code = (int)StatusCode.Aborted, Reason = "STALE_EPOCH" } : new ReportAnswer();
        await Begin(leaseMs: 60_000);
        await _hub.Link.Assign(Noop("a"));
        await Fakes.Until(() => _hub.Ended.Any());
        _hub.Answer = _ => new ReportAnswer();
        _hub.Link.Cut(new RpcException(new Status(StatusCode.Aborted, "STALE_EPOCH: another connection")));
        await Fakes.Until(() => _hub.Ended.Count() == 2);
        await HoldsNothing();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(500)]
    public async Task LeaseOfTheTask_LongerThanTheWorkers_KeepsItAndItsResultArrives(int early)
    {
        await Begin(leaseMs: 700);
        await _hub.Link.Assign(Noop("short", wait: 60_000));
        var own = Noop("long", wait: 2500 - early);
        own.LeaseMs = 60_000;
        await _hub.Link.Assign(own);
        await Fakes.Until(() => _hub.Reports.Count(r => r.Kind == TaskReportKind.Started) == 2);
        _line.Begin(Cut.Held);
        await Fakes.Until(() => _console.Lines(WorkerEvent.TaskDropped).Any());
        await Fakes.Until(() => _console.Lines(WorkerEvent.TaskEnded).Any());
        _line.End();
        await Fakes.Until(() => _hub.Ended.Any());
        Assert.Equal(("long", ""), (_hub.Ended.First().TaskId, _hub.Ended.First().ErrorReason));
        Assert.Contains("short", Assert.Single(_console.Lines(WorkerEvent.TaskDropped)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task LeaseOfTheTask_IsGoneToo_ItIsKilled()
    {
        await Begin(leaseMs: 300);
        var own = Noop("long", wait: 60_000);
        own.LeaseMs = 1200;
        await _hub.Link.Assign(own);
        await Fakes.Until(() => _hub.Reports.Any());
        var since = TimeProvider.System.GetTimestamp();
        _line.Begin(Cut.Refused);
        await Fakes.Until(() => _console.Lines(WorkerEvent.TaskDropped).Any());
        Assert.InRange(TimeProvider.System.GetElapsedTime(since).TotalSeconds, 0.9, 10);
    }

    [Fact]
    public async Task TwoAddresses_OneGoesAway_TheOtherIsTaken()
    {
        await using var other = new CutLine(_hub.Address);
        await Begin(leaseMs: 60_000, o => o with { OtherHubs = [other.Address] });
        await _hub.Link.Assign(Noop("a", wait: 60_000));
        await Fakes.Until(() => _hub.Reports.Any());
        _line.Begin(Cut.Swallowed);
        await Fakes.Until(() => _console.Lines(WorkerEvent.Connected).Count == 2);
        Assert.True(other.Connections > 0);
        Assert.Empty(_console.Lines(WorkerEvent.TaskDropped));
        other.Begin(Cut.Refused);
        _line.End();
        await Fakes.Until(() => _console.Lines(WorkerEvent.Connected).Count == 3);
        Assert.Equal("a", Assert.Single(_hub.Hellos.Last().Running).TaskId);
    }

    [Theory]
    [InlineData(Cut.Refused)]
    [InlineData(Cut.Swallowed)]
    public async Task TwoAddresses_TheFirstIsAwayAtTheStart_TheSecondIsTaken(Cut cut)
    {
        await using var other = new CutLine(_hub.Address);
        _line.Begin(cut);
        await Begin(leaseMs: 60_000, o => o with { OtherHubs = [other.Address] });
        Assert.Single(_hub.Hellos);
    }

    [Fact]
    public async Task Stop_TheHubIsAwayWithAResultUndelivered_WaitsUntilItIsBack()
    {
        await Begin(leaseMs: 60_000);
        await _hub.Link.Assign(Noop("a", wait: 1000));
        await Fakes.Until(() => _hub.Reports.Any());
        _line.Begin(Cut.Refused);
        await Fakes.Until(() => _console.Lines(WorkerEvent.TaskEnded).Any());
        await _stop.CancelAsync();
        await Fakes.Until(() => _console.Lines(WorkerEvent.Stopping).Any());
        _line.End();
        Assert.Equal(WorkerExit.Ok, await _worker.WaitAsync(TimeSpan.FromSeconds(30)));
        Assert.Equal("", _hub.Ended.First().ErrorReason);
    }

    [Fact]
    public async Task Stop_TheHubIsAwayAndNothingIsLost_WaitsForNobody()
    {
        await Begin(leaseMs: 60_000);
        await _hub.Link.Assign(Noop("a", wait: 60_000));
        await Fakes.Until(() => _hub.Reports.Any());
        _line.Begin(Cut.Swallowed);
        await Fakes.Until(() => _console.Lines(WorkerEvent.Reconnecting).Any());
        await _stop.CancelAsync();
        Assert.Equal(WorkerExit.Ok, await _worker.WaitAsync(TimeSpan.FromSeconds(6)));
    }

    private async Task Begin(int leaseMs, Func<WorkerOptions, WorkerOptions>? with = null)
    {
        _hub.LeaseMs = leaseMs;
        var options = Fakes.Options(_line.Address) with { WorkDirectory = _root };
        _worker = WorkerHost.Run(with is null ? options : with(options), _console, _stop.Token);
        await Fakes.Until(() => _hub.HasWorker || _worker.IsCompleted);
        Assert.False(_worker.IsCompleted, string.Join('\n', _console.Lines(WorkerEvent.Error)));
    }

    private static Assignment Noop(string task, int wait = 0) =>
        new() { TaskId = task, Attempt = 1, TaskType = "noop", Payload = ByteString.CopyFromUtf8($"{wait}"), PayloadSize = 1 };

    private async Task HoldsNothing()
    {
        var seen = _hub.Heartbeats.Count;
        await Fakes.Until(() => _hub.Heartbeats.Skip(seen).Any(h => h.Running.Count == 0));
    }
}

using HiveMind.Nodes;
using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Tests.Cluster;

/// <summary>What the hub's own absence, a store that does not answer and words that get lost cost a run: nothing.</summary>
[Collection(HubCollection.Name)]
public sealed class AbsenceTests(HubFixture hub) : IDisposable
{
    private static readonly TimeSpan Freeze = TimeSpan.FromSeconds(20);
    private readonly string _type = hub.NewName("type");

    public void Dispose() => hub.OnCall = (_, _) => Task.CompletedTask;

    [Fact]
    public async Task HubFrozenAgainAndAgain_WorkerKilledItsRunEachTime_NoAttemptCounts()
    {
        var freezes = hub.Options.Tasks.MaxAttempts + 1;
        var machine = await hub.Connected(_type);
        var id = await hub.Submit(HubFixture.Spec(_type));
        for (var attempt = 1; attempt <= freezes; attempt++)
        {
            var next = attempt;
            await hub.PassUntil(() => Task.FromResult(machine.Link.HasAssigned(id, next)), $"attempt {attempt}", machine);
            await machine.Starts(id, attempt);
            hub.Clock.Advance(Freeze); // the whole process stands still
            await machine.Tick();
            Assert.Equal("online", (await machine.Snapshot()).Status);
            await machine.Beat(); // was written while the hub stood still
            machine.Running.Clear(); // nobody answered: it has killed its run
            await machine.Beat();
        }

        await hub.PassUntil(() => Task.FromResult(machine.Link.HasAssigned(id, freezes + 1)), "one more attempt", machine);
        await machine.Starts(id, freezes + 1);
        Assert.Equal(ReportVerdictKind.Accepted, (await machine.Ends(id, freezes + 1)).Kind);
        var task = await hub.Snapshot(id);
        Assert.Equal(TaskState.Completed, task.State);
        Assert.All(task.Attempts.Take(freezes), lost => Assert.Equal(Causes.HubAway, lost.Cause));
    }

    [Fact]
    public async Task HubFrozen_WorkerIsDead_IsLostAWholeLeaseLater()
    {
        var machine = await hub.Connected(_type);
        var id = await hub.Submit(HubFixture.Spec(_type));
        await machine.Starts(id);
        hub.Clock.Advance(Freeze);
        var back = hub.Clock.GetUtcNow();

        await hub.PassUntil(async () => (await machine.Snapshot()).Status == "offline", "it is lost");

        Assert.True(hub.Clock.GetUtcNow() - back >= hub.Options.Tasks.LeaseDuration);
        await hub.Until(async () => (await hub.Snapshot(id)).Attempts[0].Cause == Causes.NodeLost, "its task is told");
    }

    [Fact]
    public async Task FreshActivation_WorkerDoesNotNameTheRun_IsGrantedAnewWithItsOwnNumberAndClock()
    {
        var machine = await hub.Connected(_type);
        var id = await hub.Submit(HubFixture.Spec(_type) with { RunTimeout = TimeSpan.FromMinutes(1) });
        await machine.Starts(id);
        await hub.Pass(TimeSpan.FromSeconds(40), machine);
        await hub.Deactivate(machine.Grain); // the hub is killed
        await hub.Deactivate(hub.Task(id));
        hub.Clock.Advance(TimeSpan.FromSeconds(60));
        await hub.Grains.GetGrain<ISweeperGrain>(Shards.Default).Sweep();
        machine.Running.Clear(); // and its worker has killed the run meanwhile

        await machine.Connect();

        await hub.PassUntil(() => Task.FromResult(machine.Link.HasAssigned(id, 2)), "attempt 2", machine);
        Assert.False(machine.Link.HasAssigned(id, 1));
        await machine.Starts(id, 2);
        await hub.Pass(TimeSpan.FromSeconds(55), machine);
        Assert.Equal(ReportVerdictKind.Accepted, (await machine.Ends(id, 2)).Kind);
        var task = await hub.Snapshot(id);
        Assert.Equal([(Causes.HubAway, 0L), (Causes.Completed, 55_000L)], task.Attempts.Select(a => (a.Cause, a.RunMs)));
        Assert.True(task.Attempts[1].AssignedAt > task.Attempts[0].AssignedAt + TimeSpan.FromMinutes(1));
    }

    [Fact]
    public async Task FreshActivation_RecordCannotBeAsked_KeepsTheRunAndGivesItsRoomToNobody()
    {
        var machine = await hub.Connected(_type);
        var running = await hub.Submit(HubFixture.Spec(_type, cores: 4));
        await machine.Starts(running);
        await hub.Deactivate(machine.Grain);
        hub.OnCall = (method, key) => method == nameof(ITaskGrain.Examine) && key == running ? throw new TimeoutException("the store is slow") : Task.CompletedTask;
        var waiting = await hub.Submit(HubFixture.Spec(_type, cores: 4));

        await hub.Pass(TimeSpan.FromSeconds(9), machine);

        Assert.Empty(machine.Link.Killed);
        Assert.False(machine.Link.HasAssigned(waiting));
        hub.OnCall = (_, _) => Task.CompletedTask;
        await hub.Pass(TimeSpan.FromSeconds(3), machine);
        Assert.Equal((1, 0.0), ((await machine.Snapshot()).TaskCount, (await machine.Snapshot()).FreeCores));
        Assert.Equal(ReportVerdictKind.Accepted, (await machine.Ends(running)).Kind);
        await hub.PassUntil(() => Task.FromResult(machine.Link.HasAssigned(waiting)), "then its room is another's", machine);
        Assert.Single((await hub.Snapshot(running)).Attempts);
    }

    [Fact]
    public async Task FreshActivation_RunTheRecordConfirms_IsKeptWithoutRoomForIt()
    {
        var machine = await hub.Connected(_type, Machine.Usual with { CpuCores = 2 });
        var (one, two) = (await hub.Submit(HubFixture.Spec(_type)), await hub.Submit(HubFixture.Spec(_type)));
        await machine.Starts(one);
        await machine.Starts(two);
        await hub.Deactivate(machine.Grain);

        var smaller = new Machine(hub, machine.Id, machine.Owner, machine.Capabilities with { CpuCores = 1 });
        smaller.Running.AddRange(machine.Running);
        await smaller.Connect();
        await hub.Pass(TimeSpan.FromSeconds(5), smaller);

        Assert.Empty(smaller.Link.Killed);
        Assert.Equal((2, 0.0), ((await smaller.Snapshot()).TaskCount, (await smaller.Snapshot()).FreeCores));
        Assert.Equal(ReportVerdictKind.Accepted, (await smaller.Ends(one)).Kind);
        Assert.Equal(ReportVerdictKind.Accepted, (await smaller.Ends(two)).Kind);
    }

    [Fact]
    public async Task Heartbeat_RecordsDoNotAnswer_IsAnsweredAllTheSame()
    {
        var machine = await hub.Connected(_type);
        var id = await hub.Submit(HubFixture.Spec(_type));
        await machine.Assigned(id);
        var slow = new TaskCompletionSource();
        hub.OnCall = (method, key) => key == id && method is nameof(ITaskGrain.Started) or nameof(ITaskGrain.Examine) ? slow.Task : Task.CompletedTask;
        machine.Running.Add(new(id, 1, true));

        await machine.OnlyBeat().WaitAsync(TimeSpan.FromSeconds(5));
        await machine.OnlyBeat().WaitAsync(TimeSpan.FromSeconds(5));

        slow.SetResult();
        await hub.Until(async () => (await hub.Snapshot(id)).State == TaskState.Running, "the start is told when the record answers");
    }

    [Fact]
    public async Task Start_CouldNotBeTold_IsToldAgain()
    {
        var machine = await hub.Connected(_type);
        var id = await hub.Submit(HubFixture.Spec(_type));
        await machine.Assigned(id);
        hub.OnCall = (method, key) => key == id && method == nameof(ITaskGrain.Started) ? throw new TimeoutException("the store is slow") : Task.CompletedTask;
        await machine.Starts(id);
        Assert.Equal(TaskState.Assigned, (await hub.Snapshot(id)).State);
        hub.OnCall = (_, _) => Task.CompletedTask;

        await machine.Beat();

        Assert.Equal(TaskState.Running, (await hub.Snapshot(id)).State);
    }

    [Fact]
    public async Task Cancel_TheWordToDropItIsLost_TheRunIsKilledAllTheSameAndItsRoomIsFree()
    {
        var machine = await hub.Connected(_type);
        var id = await hub.Submit(HubFixture.Spec(_type, cores: 4));
        await machine.Starts(id);
        hub.OnCall = (method, _) => method == nameof(INodeGrain.Drop) ? throw new TimeoutException("lost") : Task.CompletedTask;
        await hub.Task(id).Cancel();
        await hub.Settled();
        Assert.Empty(machine.Link.Killed);

        await hub.Pass(TimeSpan.FromSeconds(70), machine);

        await hub.Until(() => machine.Link.Killed.Any(killed => killed.TaskId == id), "killed");
        machine.Running.Clear();
        await machine.Beat();
        Assert.Equal((0, 4.0), ((await machine.Snapshot()).TaskCount, (await machine.Snapshot()).FreeCores));
    }

    [Fact]
    public async Task Refusal_OfAWorkerThatLeaves_CostsTheTaskNoAttempt()
    {
        var machine = await hub.Connected(_type);
        var id = await hub.Submit(HubFixture.Spec(_type) with { Retry = new() { MaxAttempts = 1 } });
        await machine.Assigned(id);
        await machine.Grain.Drain(machine.Epoch);

        Assert.Equal(ReportVerdictKind.Accepted, (await machine.Ends(id, cause: Causes.WorkerRefused)).Kind);

        Assert.Equal(TaskState.Pending, (await hub.Snapshot(id)).State);
        var other = await hub.Connected(_type);
        await hub.PassUntil(() => Task.FromResult(other.Link.HasAssigned(id, 2)), "attempt 2 elsewhere", other);
    }

    [Fact]
    public async Task DiskFull_OfAMachine_ItIsGivenNothingAndItsRefusalCostsNoAttempt()
    {
        var machine = await hub.Connected(_type);
        var crossed = await hub.Submit(HubFixture.Spec(_type) with { Retry = new() { MaxAttempts = 1 } });
        await machine.Assigned(crossed);
        await machine.Beat(usage: new NodeUsage(0, 0, 0, DiskFull: true));
        Assert.Equal(ReportVerdictKind.Accepted, (await machine.Ends(crossed, cause: Causes.WorkerRefused)).Kind);
        Assert.Equal(TaskState.Pending, (await hub.Snapshot(crossed)).State);

        var other = await hub.Connected(_type);
        await hub.PassUntil(() => Task.FromResult(other.Link.HasAssigned(crossed, 2)), "attempt 2 elsewhere", other);
        Assert.False(machine.Link.HasAssigned(crossed, 2));
    }

    [Fact]
    public async Task Names_ThatWereNeverOurs_WakeNoTaskAndAreKilled()
    {
        var machine = await hub.Connected(_type);
        var woken = 0;
        hub.OnCall = (method, key) =>
        {
            if (method == nameof(ITaskGrain.Examine) && key.StartsWith("feed", StringComparison.Ordinal)) Interlocked.Increment(ref woken);
            return Task.CompletedTask;
        };
        machine.Running.AddRange(Enumerable.Range(0, 200).Select(i => new AttemptReport($"feed{i:x28}", 1, true)));

        for (var beats = 0; beats < 5; beats++) await machine.Beat();

        Assert.Equal(0, woken);
        await hub.Until(() => machine.Link.Killed.Select(killed => killed.TaskId).Distinct().Count() == 200, "each of them is killed");
        machine.Running.Clear();
        await machine.Beat();
        var id = await hub.Submit(HubFixture.Spec(_type));
        await machine.Assigned(id);
    }
}

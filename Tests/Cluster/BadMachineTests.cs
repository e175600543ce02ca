using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Tests.Cluster;

/// <summary>One bad machine does not eat the queue: a retry goes to another, and a machine that has shown nothing yet gets little.</summary>
[Collection(HubCollection.Name)]
public sealed class BadMachineTests(HubFixture hub)
{
    private readonly string _type = hub.NewName("type");

    private ISchedulerGrain Scheduler => hub.Grains.GetGrain<ISchedulerGrain>(Shards.Default);

    /// <summary>One account, one broken machine, one good one, as `up` has it. The hub's cordon helps where the failures are the worker's own, and not where a program's are.</summary>
    [Theory, InlineData(Causes.WorkerFault), InlineData(Causes.ProgramFailed), InlineData(Causes.OutOfMemory)]
    public async Task Retry_OneMachineFailsEverything_AllEndOnTheOther_AndNoneGoesBack(string cause)
    {
        var owner = hub.NewName("owner");
        var broken = await hub.Connected(_type, Machine.Usual with { CpuCores = 20 }, owner);
        var good = await hub.Connected(_type, Machine.Usual with { CpuCores = 2 }, owner);
        var spec = HubFixture.Spec(_type, owner) with { Retry = new() { AnyFailure = true } };
        var ids = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => hub.Submit(spec)));
        var answered = new HashSet<(string, int)>();

        await hub.PassUntil(async () =>
        {
            foreach (var (machine, end) in new[] { (broken, cause), (good, Causes.Completed) })
                foreach (var assigned in machine.Link.Assigned.Where(assigned => answered.Add((assigned.TaskId, assigned.Attempt))).ToList())
                    await machine.Ends(assigned.TaskId, assigned.Attempt, end);
            return (await Task.WhenAll(ids.Select(hub.Snapshot))).All(task => task.EndedAt is not null);
        }, "all have ended", broken, good);

        foreach (var id in ids)
        {
            var task = await hub.Snapshot(id);
            Assert.Equal((TaskState.Completed, good.Id), (task.State, task.NodeId));
            Assert.InRange(task.Attempts.Count(attempt => attempt.NodeId == broken.Id), 0, 1);
        }
    }

    [Fact]
    public async Task Retry_TheOtherIsBusy_SaysWhatItWaitsFor_ThenGoesBack()
    {
        var broken = await hub.Connected(_type);
        var id = await hub.Submit(HubFixture.Spec(_type));
        await broken.Assigned(id);
        await broken.Starts(await hub.Submit(HubFixture.Spec(_type, cores: 3))); // full
        var busy = await hub.Connected(_type, Machine.Usual with { CpuCores = 1 });
        await busy.Starts(await hub.Submit(HubFixture.Spec(_type)));
        await broken.Ends(id, cause: Causes.WorkerFault);

        await hub.Until(async () => (await Scheduler.Explain(id)).Reason == "WAITING_ELSEWHERE", "it waits for the other");
        Assert.Equal($"{broken.Id}", (await hub.Task(id).Examine()).Pending!.FailedOn);
        await hub.Deactivate(Scheduler); // a scheduler that is made anew reads it in the index
        await hub.Until(async () => (await Scheduler.Missing([id])).Count == 0, "the new scheduler knows it");
        await busy.Beat(); // the other first: one that the scheduler has not heard of is waited for by nobody
        await broken.Beat();
        await hub.Until(async () => (await Scheduler.Explain(id)).Reason == "WAITING_ELSEWHERE", "it still waits for the other");

        var before = hub.Clock.GetUtcNow();
        await hub.PassUntil(() => Task.FromResult(broken.Link.HasAssigned(id, 2)), "then any will do", broken, busy);
        Assert.InRange(hub.Clock.GetUtcNow() - before, hub.Options.Scheduling.RetryElsewhere - TimeSpan.FromSeconds(3), hub.Options.Scheduling.RetryElsewhere + TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task SlowStart_NewMachine_EarnsMoreWithEachSuccess_AndLosesItByAFaultOfItsOwn()
    {
        var machine = await hub.Connected(_type, Machine.Usual with { CpuCores = 64, MemoryMb = 64 * 1024 });
        var ids = new List<string>();
        for (var i = 0; i < 40; i++) ids.Add(await hub.Submit(HubFixture.Spec(_type)));
        Assert.Equal(8, (await machine.Snapshot()).OthersAtOnce);
        await Given(machine, 8);
        var own = await hub.Submit(HubFixture.Spec(_type, machine.Owner)); // its owner's are not counted
        await machine.Assigned(own);
        Assert.Equal("WAITING_SLOW_START", (await Scheduler.Explain(ids.First(id => !machine.Link.HasAssigned(id)))).Reason);
        await machine.Ends(own);
        Assert.Equal(8, (await machine.Snapshot()).OthersAtOnce); // nor do they earn it anything

        await machine.Ends(ids.First(id => machine.Link.HasAssigned(id)));
        await Given(machine, 17);
        Assert.Equal(16, (await machine.Snapshot()).OthersAtOnce);

        // What it earned is its record's: a grain that moves still knows it.
        await NodeTests.Tick(machine);
        await hub.Deactivate(machine.Grain);
        Assert.Equal(16, (await machine.Snapshot()).OthersAtOnce);
        await machine.Beat();

        await machine.Ends(machine.Running[^1].TaskId, cause: Causes.WorkerFault);
        Assert.Equal(8, (await machine.Snapshot()).OthersAtOnce);
        await NodeTests.Tick(machine);
        await hub.Deactivate(machine.Grain);
        Assert.Equal(8, (await machine.Snapshot()).OthersAtOnce);
    }

    [Fact]
    public async Task SlowStart_TasksAreLostWithTheMachine_BeginsAnew()
    {
        var machine = await hub.Connected(_type, Machine.Usual with { CpuCores = 1 });
        foreach (var share in new int?[] { 2, 4, 8, null })
        {
            Assert.Equal(share, (await machine.Snapshot()).OthersAtOnce);
            var done = await hub.Submit(HubFixture.Spec(_type));
            await machine.Assigned(done);
            await machine.Ends(done);
            await machine.Beat();
        }
        var id = await hub.Submit(HubFixture.Spec(_type));
        await machine.Starts(id);
        await hub.PassUntil(async () => (await machine.Snapshot()).Status == "offline", "its lease has run out");
        machine.Running.Clear();
        await machine.Connect();
        Assert.Equal(2, (await machine.Snapshot()).OthersAtOnce);
    }

    /// <summary>So many of others in all, and no more with the next heartbeat.</summary>
    private async Task Given(Machine machine, int count)
    {
        await hub.Until(() => Others() == count, $"it was given {count}");
        foreach (var assigned in machine.Link.Assigned.Where(assigned => assigned.Spec.UserId != machine.Owner && machine.Running.All(run => run.TaskId != assigned.TaskId)).ToList())
            machine.Running.Add(new(assigned.TaskId, 1, true));
        await machine.Beat();
        Assert.Equal(count, Others());

        int Others() => machine.Link.Assigned.Count(assigned => assigned.Spec.UserId != machine.Owner);
    }
}

using HiveMind.Rewards;
using HiveMind.Scheduling;
using HiveMind.Storage;
using HiveMind.Tasks;

namespace HiveMind.Tests.Cluster;

/// <summary>Another attempt when the submitter wants one, and the limits that end a task whatever else happens.</summary>
[Collection(HubCollection.Name)]
public sealed class RetryTests(HubFixture hub)
{
    private readonly string _type = hub.NewName("type");

    private ISchedulerGrain Scheduler => hub.Grains.GetGrain<ISchedulerGrain>(Shards.Default);

    [Fact]
    public async Task Report_ExitCodeThatIsRetryable_RunsAgainAfterAPauseAndEveryAttemptIsPaid()
    {
        var machine = await hub.Connected(_type);
        var payer = hub.NewName("payer");
        var id = await hub.Submit(Spec(payer) with { Retry = new() { ExitCodes = [75] } });

        foreach (var attempt in new[] { 1, 2 })
        {
            await hub.PassUntil(() => Task.FromResult(machine.Link.HasAssigned(id, attempt)), $"attempt {attempt}", machine);
            await machine.Starts(id, attempt);
            hub.Clock.Advance(TimeSpan.FromSeconds(9));
            machine.Running.Clear();
            Assert.Equal(ReportVerdictKind.Accepted, (await machine.Report(Failed(id, attempt))).Kind);
            Assert.Equal(ReportVerdictKind.Accepted, (await machine.Report(Failed(id, attempt))).Kind); // its answer may have been lost
            var waits = (await hub.Task(id).Examine()).Pending!;
            Assert.InRange((waits.NotBefore - hub.Clock.GetUtcNow()).TotalSeconds, attempt / 2.0, attempt);
            // A scheduler that is made anew knows no more than the index: it says the same, and that no node holds it.
            Assert.Equal(new UnfinishedEntry(waits, null), await Entry(id));
        }

        await hub.PassUntil(() => Task.FromResult(machine.Link.HasAssigned(id, 3)), "attempt 3", machine);
        await machine.Starts(id, 3);
        hub.Clock.Advance(TimeSpan.FromSeconds(9));
        await machine.Ends(id, 3);
        await hub.Settled();

        var ended = await hub.Snapshot(id);
        Assert.Equal(TaskState.Completed, ended.State);
        Assert.Equal([(75, 40, 700), (75, 40, 700), (0, 0, 0)], ended.Attempts.Select(a => (a.ExitCode, (int)a.MemoryPeakMb, (int)a.CpuMs)));
        Assert.Equal([9000, 9000, 9000], ended.Attempts.Select(a => a.RunMs));
        var due = 3 * RewardFormula.Micros(ended.Spec.Resources, 9000, RewardRates.From(hub.Options.Rewards));
        Assert.Equal((due, -due, due), (ended.CostMicros, await Balance(payer), await Balance(machine.Owner)));
    }

    [Fact]
    public async Task Report_ExitCodeThatIsNot_FailsAtOnce()
    {
        var machine = await hub.Connected(_type);
        var id = await hub.Submit(Spec() with { Retry = new() { ExitCodes = [75], OnTimeout = true } });
        await machine.Assigned(id);

        await machine.Report(Failed(id, 1) with { ExitCode = 1 });

        var ended = await hub.Snapshot(id);
        Assert.Equal((TaskState.Failed, Causes.ProgramFailed, 1, 1), (ended.State, ended.Reason, ended.ExitCode, ended.Attempts.Count));
    }

    [Fact]
    public async Task Pause_SchedulerIsMadeAnew_IsHonoured()
    {
        var machine = await hub.Connected(_type);
        var id = await hub.Submit(Spec() with { Retry = new() { ExitCodes = [75] } });
        await machine.Assigned(id);
        await machine.Report(Failed(id, 1));
        var due = (await Entry(id))!.Task.NotBefore;

        await hub.Deactivate(Scheduler);
        await hub.Until(async () => (await Scheduler.Missing([id])).Count == 0, "the new scheduler knows it");
        await machine.Beat();
        var other = await hub.Submit(Spec());
        await machine.Assigned(other); // room there was

        Assert.False(machine.Link.HasAssigned(id, 2));
        await hub.PassUntil(() => Task.FromResult(machine.Link.HasAssigned(id, 2)), "attempt 2", machine);
        Assert.True(hub.Clock.GetUtcNow() >= due);
        await machine.Ends(id, 2);
        await machine.Ends(other);
    }

    [Fact]
    public async Task Cancel_WhileItPauses_EndsItForGood()
    {
        var machine = await hub.Connected(_type);
        var payer = hub.NewName("payer");
        var id = await hub.Submit(Spec(payer) with { Retry = new() { AnyFailure = true } });
        await machine.Starts(id);
        hub.Clock.Advance(TimeSpan.FromSeconds(4));
        machine.Running.Clear();
        await machine.Report(Failed(id, 1));

        Assert.Equal(TaskState.Cancelled, (await hub.Task(id).Cancel()).State);
        Assert.Equal(TaskState.Cancelled, (await hub.Task(id).Cancel()).State);
        await hub.Settled();

        Assert.Equal([id], await Scheduler.Missing([id]));
        Assert.False(await hub.IsUnfinished(id));
        Assert.True(await Balance(payer) < 0); // what had run is paid
        Assert.Null(await hub.Task(id).Expire());
        Assert.Equal(TaskState.Cancelled, (await hub.Snapshot(id)).State);
    }

    [Fact]
    public async Task Machines_LostUnderOneTask_AreNoMoreThanTheCrashLimit()
    {
        var id = await hub.Submit(Spec());
        var lost = new List<string>();
        for (var attempt = 1; attempt <= hub.Options.Tasks.CrashLimit; attempt++)
        {
            var (machine, next) = (await hub.Connected(_type), attempt);
            await hub.PassUntil(() => Task.FromResult(machine.Link.HasAssigned(id, next)), $"attempt {attempt}", machine);
            await machine.Starts(id, attempt);
            await hub.PassUntil(async () => (await hub.Snapshot(id)).Attempts[next - 1].Cause == Causes.NodeLost, $"attempt {attempt} is lost"); // in silence
            lost.Add(machine.Id);
        }

        var failed = await hub.Snapshot(id);
        Assert.Equal((TaskState.Failed, Causes.CrashLimit, 3), (failed.State, failed.Reason, failed.Attempts.Count));
        Assert.All(lost, machine => Assert.Contains(machine, failed.ErrorMessage));
        Assert.Equal(0, failed.CostMicros);
    }

    [Fact]
    public async Task Machine_LostUnderATaskThatMustNotRunTwice_FailsIt()
    {
        var machine = await hub.Connected(_type);
        var id = await hub.Submit(Spec() with { Retry = new() { OnLostNode = false } });
        await machine.Starts(id);
        machine.Running.Clear();
        await machine.Beat();

        var failed = await hub.Snapshot(id);
        Assert.Equal((TaskState.Failed, Causes.NodeLost, 1), (failed.State, failed.Reason, failed.Attempts.Count));
    }

    private static TaskOutcomeReport Failed(string id, int attempt) =>
        Machine.Ended(id, attempt, Causes.ProgramFailed) with { ExitCode = 75, MemoryPeakMb = 40, CpuMs = 700 };

    private TaskSpec Spec(string user = "anna") => HubFixture.Spec(_type, user);

    private async Task<UnfinishedEntry?> Entry(string id)
    {
        await foreach (var entry in hub.Index.Scan())
            if (entry.Task.TaskId == id) return entry with { Stored = default };
        return null;
    }

    private Task<long> Balance(string account) => hub.Database.Balance(account, CancellationToken.None);
}

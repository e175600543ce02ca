using HiveMind.Rewards;
using HiveMind.Scheduling;
using HiveMind.Tasks;
using HiveMind.Users;

namespace HiveMind.Tests.Cluster;

/// <summary>What open tasks may cost is held of a balance from their submit on: whatever happens, no account goes below zero.</summary>
[Collection(HubCollection.Name)]
public sealed class HoldTests(HubFixture hub)
{
    private const long Credit = Credits.Micro;
    private readonly string _type = hub.NewName("type");
    private readonly string _payer = hub.NewName("payer");

    private IAccountLoadGrain Load => hub.Grains.GetGrain<IAccountLoadGrain>(_payer);

    private async Task Own(long credits) => await hub.Database.AddAccount(
        new AccountRow { UserId = _payer, Username = _payer, Email = $"{_payer}@example.org", PasswordHash = "!", Salt = "", CreatedAt = hub.Clock.GetUtcNow() },
        credits * Credit, null, CancellationToken.None);

    private TaskSpec Spec(double cores = 1, int seconds = 3600, RetrySpec? retry = null) =>
        HubFixture.Spec(_type, _payer, cores) with { RunTimeout = TimeSpan.FromSeconds(seconds), Retry = retry ?? RetrySpec.Default };

    private static TaskAsk Ask(string id, TaskSpec spec) => new(id, spec.Resources, spec.RunTimeout, spec.TotalTimeout, spec.Retry, spec.Payload.Size);

    /// <summary>As the gateway does it.</summary>
    private async Task<string?> Submit(TaskSpec spec)
    {
        var id = TaskIds.New(_payer, null);
        var admission = await Load.Admit([Ask(id, spec)], Roles.User, allOrNone: false);
        if (admission.Tasks[0].Refusal is not null) return null;
        await hub.Task(id).Submit(spec with { Hold = admission.Tasks[0].Hold });
        return id;
    }

    private Task<long> Balance(string account) => hub.Database.Balance(account, CancellationToken.None);

    [Fact]
    public async Task Submit_ManyAtTheSameMoment_GetInOnlyAsFarAsTheBalanceReaches()
    {
        await Own(10);
        var spec = Spec(); // 1.025 credits at most

        var ids = await Task.WhenAll(Enumerable.Range(0, 60).Select(_ => Submit(spec)));

        Assert.Equal(9, ids.Count(id => id is not null));
        Assert.Equal((9 * 1_025_000, 9), ((await Load.GetStanding()).HeldMicros, (await Load.GetStanding()).OpenTasks));
    }

    [Fact]
    public async Task Admit_Batch_IsCountedInItsOrderAndChangesNothingWhenAllWereWanted()
    {
        await Own(2);
        var asks = Enumerable.Range(0, 3).Select(_ => Ask(TaskIds.New(_payer, null), Spec())).ToList();

        Assert.False((await Load.Admit(asks, Roles.User, allOrNone: true)).IsWhole);
        Assert.Equal(0, (await Load.GetStanding()).HeldMicros);
        var each = await Load.Admit(asks, Roles.User, allOrNone: false);

        Assert.Equal([true, false, false], each.Tasks.Select(task => task.Refusal is null));
        Assert.Equal("INSUFFICIENT_CREDITS", each.Tasks[1].Refusal!.Reason);
    }

    [Fact]
    public async Task Hold_AfterTheGrainIsGone_IsSummedFromTheIndex()
    {
        await Own(10);
        for (var i = 0; i < 4; i++) Assert.NotNull(await Submit(Spec()));
        await Load.Admit([Ask(TaskIds.New(_payer, null), Spec())], Roles.User, allOrNone: false); // its gateway dies before the birth

        await hub.Deactivate(Load);

        Assert.Equal((4 * 1_025_000, 4), ((await Load.GetStanding()).HeldMicros, (await Load.GetStanding()).OpenTasks));
    }

    [Fact]
    public async Task Hold_OfATaskThatEnds_IsFreeButForWhatItCost()
    {
        await Own(2);
        var machine = await hub.Connected(_type);
        var id = (await Submit(Spec()))!;
        Assert.Null(await Submit(Spec()));
        await machine.Starts(id);
        hub.Clock.Advance(TimeSpan.FromSeconds(8));

        await machine.Ends(id);

        await hub.Settled();
        await hub.Until(async () => (await Load.GetStanding()).HeldMicros == 0, "nothing is held");
        Assert.Equal(2 * Credit - 2278, await Balance(_payer));
        Assert.NotNull(await Submit(Spec()));
    }

    [Fact]
    public async Task Retries_OfTheProgramsOwnEnds_NeverCostMoreThanWasHeld()
    {
        await Own(4);
        var machine = await hub.Connected(_type);
        var id = (await Submit(Spec(seconds: 3600, retry: new() { AnyFailure = true, MaxAttempts = 3 })))!;
        Assert.Equal(3_075_000, (await Load.GetStanding()).HeldMicros);
        await machine.Starts(id);
        hub.Clock.Advance(TimeSpan.FromSeconds(8));

        await machine.Ends(id, 1, Causes.ProgramFailed);

        PendingTask? entry = null;
        await foreach (var open in hub.Index.Scan()) if (open.Task.TaskId == id) entry = open.Task;
        Assert.Equal(2 * 1_025_000 + 2278, entry!.HoldMicros); // what is owed, and two runs that may follow
        for (var attempt = 2; attempt <= 3; attempt++)
        {
            var number = attempt;
            await hub.PassUntil(() => Task.FromResult(machine.Link.HasAssigned(id, number)), "the next attempt", machine);
            await machine.Starts(id, attempt);
            for (var i = 0; i < 40; i++)
            {
                hub.Clock.Advance(TimeSpan.FromSeconds(2));
                await machine.Beat();
            }
            await machine.Ends(id, attempt, Causes.ProgramFailed);
        }

        await hub.Settled();
        var cost = (await hub.Snapshot(id)).CostMicros;
        Assert.InRange(cost, 2278 + 2 * 20_000, 3_075_000);
        Assert.Equal(4 * Credit - cost, await Balance(_payer));
    }

    [Fact]
    public async Task Grant_CreditsWereTakenAway_TheTaskWaitsAndSaysWhyUntilTheyAreBack()
    {
        await Own(2);
        var id = (await Submit(Spec()))!;
        await hub.Database.Change($"UPDATE accounts SET balance_micros = 1000 WHERE account_id = '{_payer}'");
        hub.Clock.Advance(TimeSpan.FromSeconds(2));
        var machine = await hub.Connected(_type);
        var scheduler = hub.Grains.GetGrain<ISchedulerGrain>(Shards.Default);

        await hub.PassUntil(async () => (await scheduler.Explain(id)).Reason == WaitReasons.HeldCredits, "it is held", machine);

        Assert.Contains("balance", (await scheduler.Explain(id)).Text, StringComparison.Ordinal);
        Assert.False(machine.Link.HasAssigned(id, 1));
        await hub.Database.Change($"UPDATE accounts SET balance_micros = {2 * Credit} WHERE account_id = '{_payer}'");
        await hub.PassUntil(() => Task.FromResult(machine.Link.HasAssigned(id, 1)), "it runs", machine);
    }

    /// <summary>What an attacker did: a throw-away account, a pretended machine for each of twenty of its tasks, each run as long and as large as it may.</summary>
    [Fact]
    public async Task Attack_PretendedMachinesForAThrowAwayAccount_TakeNoMoreThanItHad()
    {
        await Own(1000);
        var accomplice = hub.NewName("accomplice");
        var huge = Machine.Usual with { CpuCores = 4096, MemoryMb = 1 << 26 };
        var machines = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => hub.Connected(_type, huge, accomplice)));
        var ids = new List<string>();
        for (var i = 0; i < 40; i++) if (await Submit(Spec(cores: 2000, seconds: 600)) is { } id) ids.Add(id);
        Assert.InRange(ids.Count, 1, 3); // 333 credits each

        var held = new List<(Machine Machine, string Id)>();
        await hub.PassUntil(() =>
        {
            held = [.. machines.SelectMany(machine => ids.Where(id => machine.Link.HasAssigned(id, 1)).Select(id => (machine, id)))];
            return Task.FromResult(held.Count == ids.Count);
        }, "all are assigned", machines);
        foreach (var (machine, id) in held) await machine.Starts(id);
        for (var i = 0; i < 305; i++)
        {
            hub.Clock.Advance(TimeSpan.FromSeconds(2));
            foreach (var machine in machines) await machine.Beat();
        }
        foreach (var (machine, id) in held) await machine.Ends(id);
        await hub.Settled();

        Assert.InRange(await Balance(_payer), 0, 500 * Credit);
        Assert.Equal(1000 * Credit, await Balance(_payer) + await Balance(accomplice));
        Assert.Null(await Submit(Spec(cores: 2000, seconds: 600)));
    }
}

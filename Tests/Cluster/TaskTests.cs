using System.Text.Json;
using Dapper;
using HiveMind.Nodes;
using HiveMind.Rewards;
using HiveMind.Storage;
using HiveMind.Tasks;

namespace HiveMind.Tests.Cluster;

/// <summary>What holds for a task whatever its machines and its submitter do.</summary>
[Collection(HubCollection.Name)]
public sealed class TaskTests(HubFixture hub)
{
    private readonly string _type = hub.NewName("type");

    [Fact]
    public async Task Submit_MachineIsThere_RunsIsPaidAndLeavesTheIndex()
    {
        var machine = await hub.Connected(_type);
        var payer = hub.NewName("payer");
        var id = await hub.Submit(HubFixture.Spec(_type, payer));

        await machine.Assigned(id);
        Assert.Equal(TaskState.Assigned, (await hub.Snapshot(id)).State);
        Assert.Equal(ReportVerdictKind.Accepted, (await machine.Report(Machine.Began(id))).Kind);
        Assert.Equal(TaskState.Running, (await hub.Snapshot(id)).State);
        hub.Clock.Advance(TimeSpan.FromSeconds(9));
        Assert.Equal(ReportVerdictKind.Accepted, (await machine.Report(Machine.Ended(id))).Kind);
        await hub.Settled();

        var ended = await hub.Snapshot(id);
        Assert.Equal((TaskState.Completed, HubFixture.Blob("42").Sha256, machine.Id), (ended.State, ended.Result.Sha256, ended.NodeId));
        Assert.Equal(9000, Assert.Single(ended.Attempts).RunMs);
        var due = RewardFormula.Micros(ended.Spec.Resources, 9000, RewardRates.From(hub.Options.Rewards));
        Assert.True(due > 0);
        Assert.Equal((due, -due, due), (ended.CostMicros, await Balance(payer), await Balance(machine.Owner)));
        Assert.Equal(0, await hub.Database.SumOfPostings(CancellationToken.None));
        Assert.False(await hub.IsUnfinished(id));
        Assert.Equal((0, 4.0), ((await machine.Snapshot()).TaskCount, (await machine.Snapshot()).FreeCores));
    }

    [Fact]
    public async Task Submit_ThreeTimesAtOnce_IsOneTaskAndOneAttempt()
    {
        var machine = await hub.Connected(_type);
        var spec = HubFixture.Spec(_type);
        var id = TaskIds.New(spec.UserId, hub.NewName("request"));

        var answers = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => hub.Task(id).Submit(spec)));
        await machine.Assigned(id);

        Assert.Single(answers.Select(answer => answer.CreatedAt).Distinct());
        Assert.All(answers, answer => Assert.Equal(id, answer.TaskId));
        Assert.Equal(ReportVerdictKind.Accepted, (await machine.Ends(id)).Kind);
        Assert.Equal(TaskState.Completed, (await hub.Task(id).Submit(spec)).State); // the same answer, not another run
        Assert.Single(machine.Link.Assigned);
        var different = HubFixture.Spec(_type, program: "print(2)");
        var refusal = await HubFixture.Refused(FailureKind.AlreadyExists, () => hub.Task(id).Submit(different));
        Assert.Equal("REQUEST_ID_REUSED", refusal.Reason);
        Assert.Equal(spec.Payload.Sha256, (await hub.Snapshot(id)).Spec.Payload.Sha256);
    }

    [Fact]
    public async Task Submit_OneOfMany_LeavesMemoryAndComesBackAtItsGrant()
    {
        var spec = HubFixture.Spec(_type);
        var ids = Enumerable.Range(0, 300).Select(_ => TaskIds.New(spec.UserId, null)).ToArray();
        await Task.WhenAll(ids.Select(id => hub.Task(id).Submit(spec, oneOfMany: true)));
        var grains = hub.Grains.GetGrain<IManagementGrain>(0);
        await hub.Until(async () => (await grains.GetDetailedGrainStatistics())
            .All(grain => !ids.Contains(grain.GrainId.Key.ToString())), "none of them is in memory");

        var machine = await hub.Connected(_type, Machine.Usual with { CpuCores = 300, MemoryMb = 300 * 1024 }, owner: spec.UserId); // of others it would take few at first

        await hub.Until(() => machine.Link.Assigned.Count == 300, "all are assigned");
        Assert.Equal(ids.Order(), machine.Link.Assigned.Select(assigned => assigned.TaskId).Order());
    }

    [Fact]
    public async Task Report_AThousandZombies_AllRefusedAndNothingChanges()
    {
        var machine = await hub.Connected(_type);
        var id = await hub.Submit(HubFixture.Spec(_type));
        await machine.Starts(id);
        await machine.Connect(); // so that there is an older connection, not only the 0 of a unary call
        var other = await hub.Connected(_type);
        var before = await Text(id);

        await Zombies(500, machine, other, id, taskIsOpen: true);
        Assert.Equal(before, await Text(id));
        Assert.Equal(ReportVerdictKind.Accepted, (await machine.Ends(id)).Kind);
        await hub.Settled();
        var (after, earned) = (await Text(id), await Balance(machine.Owner));

        await Zombies(500, machine, other, id, taskIsOpen: false);
        await hub.Settled();
        Assert.Equal((after, earned, 0), (await Text(id), await Balance(machine.Owner), await Balance(other.Owner)));
        Assert.Equal(ReportVerdictKind.Accepted, (await machine.Report(Machine.Ended(id))).Kind); // its answer may have been lost
        Assert.Equal(after, await Text(id));
    }

    [Fact]
    public async Task Cancel_AThousandRacesWithCompletion_ExactlyOneWins()
    {
        const int Races = 1000;
        var payer = hub.NewName("payer");
        var machine = await hub.Connected(_type, Machine.Usual with { CpuCores = Races, MemoryMb = Races * 1024 }, owner: payer); // of others it would take few at first
        var ids = await Task.WhenAll(Enumerable.Range(0, Races).Select(_ => hub.Submit(HubFixture.Spec(_type, payer))));
        await hub.Until(() => machine.Link.Assigned.Count == Races, "all are assigned");

        var cancelled = await Task.WhenAll(ids.Select((id, i) => Race(machine, id, i)));
        await hub.Settled();

        Assert.InRange(cancelled.Count(won => won), 1, Races - 1); // both sides did win some
        for (var i = 0; i < Races; i++)
            Assert.Equal(cancelled[i] ? TaskState.Cancelled : TaskState.Completed, (await hub.Snapshot(ids[i])).State);
        var history = await hub.Database.Query(c => c.Query<(string, long)>(
            "SELECT task_id, state FROM task_history WHERE user_id = @payer", new { payer })
            .ToDictionary(row => row.Item1, row => (TaskState)row.Item2));
        Assert.Equal(ids.Select((id, i) => (id, cancelled[i] ? TaskState.Cancelled : TaskState.Completed)).ToDictionary(), history);
        Assert.Equal(0, await hub.Database.SumOfPostings(CancellationToken.None));
    }

    [Fact]
    public async Task Cancel_WhileItRuns_KillsTheRunAndFreesItsRoomWhenItIsGone()
    {
        var machine = await hub.Connected(_type);
        var id = await hub.Submit(HubFixture.Spec(_type));
        await machine.Starts(id);

        Assert.Equal(TaskState.Cancelled, (await hub.Task(id).Cancel()).State);
        await hub.Until(() => machine.Link.Killed.Contains((id, 1, Causes.Cancelled)), "the worker is told");
        await machine.Beat(); // still named: still there
        Assert.Equal(3, (await machine.Snapshot()).FreeCores);
        machine.Running.Clear();
        await machine.Beat();
        Assert.Equal(4, (await machine.Snapshot()).FreeCores);
        Assert.Equal(ReportVerdictKind.Stale, (await machine.Report(Machine.Ended(id))).Kind);
        Assert.Equal(TaskState.Cancelled, (await hub.Snapshot(id)).State);
    }

    [Fact]
    public async Task Report_WorkerFaults_RequeuesAndFromTheSecondOnAfterAPause()
    {
        var machine = await hub.Connected(_type);
        var id = await hub.Submit(HubFixture.Spec(_type));

        await machine.Assigned(id);
        await machine.Ends(id, 1, Causes.WorkerFault);
        // It waits for nothing, but an offer that overtakes the release of its old room rests for SchedulerCore.TryAgainAfter.
        await hub.PassUntil(() => Task.FromResult(machine.Link.HasAssigned(id, 2)), "attempt 2", machine);
        await machine.Ends(id, 2, Causes.WorkerFault);

        var waits = (await hub.Task(id).Examine()).Pending!;
        Assert.InRange(waits.NotBefore - hub.Clock.GetUtcNow(), TimeSpan.FromSeconds(0.5), TimeSpan.FromSeconds(1));
        Assert.Equal((TaskState.Pending, 2), ((await hub.Snapshot(id)).State, (await hub.Snapshot(id)).Attempts.Count));
        await hub.PassUntil(() => Task.FromResult(machine.Link.HasAssigned(id, 3)), "attempt 3", machine);
        Assert.True(hub.Clock.GetUtcNow() >= waits.NotBefore);
        await machine.Ends(id, 3);
        await hub.Settled();
        Assert.Equal([Causes.WorkerFault, Causes.WorkerFault, Causes.Completed], (await hub.Snapshot(id)).Attempts.Select(a => a.Cause));
    }

    [Fact]
    public async Task Heartbeat_TheLastAttemptIsLost_FailsWithItsCauseAndOwesNothing()
    {
        var machine = await hub.Connected(_type);
        var payer = hub.NewName("payer");
        var id = await hub.Submit(HubFixture.Spec(_type, payer));

        for (var attempt = 1; attempt <= hub.Options.Tasks.MaxAttempts; attempt++)
        {
            var next = attempt;
            await hub.PassUntil(() => Task.FromResult(machine.Link.HasAssigned(id, next)), $"attempt {next}", machine);
            await machine.Starts(id, next);
            machine.Running.Clear();
            await machine.Beat();
        }

        await hub.Settled();
        var failed = await hub.Snapshot(id);
        Assert.Equal((TaskState.Failed, Causes.NodeLost, 5), (failed.State, failed.Reason, failed.Attempts.Count));
        Assert.All(failed.Attempts, attempt => Assert.Equal((Causes.NodeLost, 0), (attempt.Cause, attempt.CostMicros)));
        Assert.Equal((0, 0), (await Balance(payer), await Balance(machine.Owner)));
        Assert.False(await hub.IsUnfinished(id));
    }

    /// <summary>True when the cancel won. Either side goes first in half of the races.</summary>
    private async Task<bool> Race(Machine machine, string id, int number)
    {
        var report = Machine.Ended(id);
        Task<ReportVerdict> Complete() => number % 4 < 2 ? hub.Task(id).End(machine.Id, report) : machine.Report(report);
        Task<bool> cancel;
        Task<ReportVerdict> complete;
        if (number % 2 == 0)
        {
            complete = Complete();
            cancel = Cancel(id);
        }
        else
        {
            cancel = Cancel(id);
            complete = Complete();
        }

        var (won, verdict) = (await cancel, await complete);
        Assert.Equal(won ? ReportVerdictKind.Stale : ReportVerdictKind.Accepted, verdict.Kind);
        return won;
    }

    private async Task<bool> Cancel(string id)
    {
        try
        {
            return (await hub.Task(id).Cancel()).State == TaskState.Cancelled;
        }
        catch (HiveMindException late) when (late.Reason == "TASK_ALREADY_ENDED")
        {
            return false;
        }
    }

    /// <summary>Wrong attempt, wrong node, old connection, or another outcome than the recorded one; each as start and as end.</summary>
    private static async Task Zombies(int count, Machine machine, Machine other, string id, bool taskIsOpen)
    {
        string[] causes = [Causes.Completed, Causes.ProgramFailed, Causes.RunTimeout, Causes.WorkerFault, Causes.WorkerRefused];
        var verdicts = await Task.WhenAll(Enumerable.Range(0, count).Select(i =>
        {
            var cause = causes[i / 8 % causes.Length];
            var wrong = i % 2 == 0 ? Machine.Began(id, 2 + i % 7) : Machine.Ended(id, i % 3 == 0 ? 0 : 2 + i % 7, cause);
            var right = i % 2 == 0 ? Machine.Began(id) : Machine.Ended(id, 1, cause);
            return (i / 2 % 4) switch
            {
                0 => machine.Report(wrong),
                1 => other.Report(right),
                2 => machine.Report(right, machine.Epoch - 1),
                _ => taskIsOpen ? other.Report(wrong, 0) : machine.Report(Machine.Ended(id, 1, causes[1 + i % 4])),
            };
        }));
        Assert.Equal(count, verdicts.Length);
        Assert.All(verdicts, verdict => Assert.Equal(ReportVerdictKind.Stale, verdict.Kind));
    }

    private async Task<string> Text(string id) => JsonSerializer.Serialize(await hub.Snapshot(id));

    private Task<long> Balance(string account) => hub.Database.Balance(account, CancellationToken.None);
}

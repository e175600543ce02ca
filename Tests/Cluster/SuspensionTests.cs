using HiveMind.Auditing;
using HiveMind.Nodes;
using HiveMind.Tasks;
using HiveMind.Users;
using Microsoft.Extensions.DependencyInjection;

namespace HiveMind.Tests.Cluster;

/// <summary>Whose word a node's worker has: an inactive account's machines, tokens that are old, rotated or revoked, ids that were another's.</summary>
[Collection(HubCollection.Name)]
public sealed class SuspensionTests(HubFixture hub)
{
    private readonly string _type = hub.NewName("type");

    [Fact]
    public async Task OwnerIsDeactivated_HisMachineIsShutOut_AndItsRunGoesElsewhereAtNoCost()
    {
        var owner = await hub.NewUser("correct horse battery");
        var machine = await hub.Connected(_type, owner: owner.UserId);
        var id = await hub.Submit(HubFixture.Spec(_type) with { Retry = new() { MaxAttempts = 1 } });
        await machine.Starts(id);
        var other = await hub.Connected(_type);

        await SetActive(owner, false);
        await hub.PassUntil(() => Task.FromResult(other.Link.HasAssigned(id, 2)), "attempt 2 elsewhere", machine.UntilRefused(), other);

        Assert.Equal(Causes.NodeSuspended, (await hub.Snapshot(id)).Attempts[0].Cause);
        await hub.Until(() => machine.Link.Closed.Contains(Causes.NodeSuspended), "closed");
        Assert.True((await machine.Snapshot()).Suspended);
        await HubFixture.Refused(FailureKind.Unauthenticated, () => machine.Grain.CheckToken(Hash(machine.Token)));
        await HubFixture.Refused(FailureKind.Unauthenticated, machine.Connect);
        await HubFixture.Refused(FailureKind.Unauthenticated, () => machine.Grain.CheckAttempt(id, 1));
        Assert.Equal(ReportVerdictKind.Stale, (await machine.Report(Machine.Ended(id), epoch: 0)).Kind); // what it had finished nobody takes, and nobody pays
        Assert.Equal(ReportVerdictKind.Accepted, (await other.Ends(id, 2)).Kind);

        await hub.Deactivate(machine.Grain); // it is durable
        await HubFixture.Refused(FailureKind.Unauthenticated, machine.Connect);
        await SetActive(owner, true);
        await machine.Grain.OwnerChanged();
        await machine.Connect();
        var next = await hub.Submit(HubFixture.Spec(_type, cores: 4));
        await hub.PassUntil(() => Task.FromResult(machine.Link.HasAssigned(next) || other.Link.HasAssigned(next)), "it lends again", machine, other);
    }

    [Fact]
    public async Task OwnerIsDeactivated_HisConnectedMachines_AreToldAtOnce()
    {
        var owner = await hub.NewUser("correct horse battery");
        var machine = await hub.Connected(_type, owner: owner.UserId);
        var id = await hub.Submit(HubFixture.Spec(_type));
        await machine.Starts(id);

        await SetActive(owner, false);

        // No heartbeat, no tick of a clock: nothing that would make the node ask for itself.
        await hub.Until(() => machine.Link.Closed.Contains(Causes.NodeSuspended), "its stream is closed");
        await hub.Until(async () => (await hub.Snapshot(id)).State == TaskState.Pending, "its run is lost");
        Assert.True((await machine.Snapshot()).Suspended);
        await hub.Task(id).Cancel();
    }

    [Fact]
    public async Task OwnerIsDeactivated_AMachineThatDoesNotAnswer_HoldsUpNothing()
    {
        var owner = await hub.NewUser("correct horse battery");
        var machine = await hub.Connected(_type, owner: owner.UserId);
        var ran = await hub.Submit(HubFixture.Spec(_type));
        await machine.Starts(ran); // so that the scheduler knows the machine
        await machine.Ends(ran);
        var waiting = await hub.Submit(HubFixture.Spec(hub.NewName("nowhere"), owner.UserId));
        var silence = new TaskCompletionSource();
        var asked = false;
        hub.OnCall = (method, key) =>
        {
            if (method != nameof(INodeGrain.OwnerChanged) || key != machine.Id) return Task.CompletedTask;
            asked = true;
            return silence.Task;
        };
        try
        {
            await hub.Database.UpdateAccount(owner with { IsActive = false }, Actor.Hub, CancellationToken.None);
            var pass = hub.Services.GetRequiredService<AccountClosing>().Pass(owner.UserId, CancellationToken.None);
            await hub.Until(async () => (await hub.Snapshot(waiting)).State == TaskState.Cancelled, "cancelled, while the machine is silent");
            Assert.True(asked);
            await hub.Until(() =>
            {
                hub.Clock.Advance(TimeSpan.FromSeconds(1));
                return pass.IsCompleted;
            }, "the pass has ended");
            Assert.False(await pass, "one task was open");
        }
        finally
        {
            silence.SetResult();
            hub.OnCall = (_, _) => Task.CompletedTask;
        }
    }

    [Fact]
    public async Task Register_Again_ClosesTheStreamOfTheOlderToken_AndTheNewOneKeepsTheRun()
    {
        var machine = await hub.Connected(_type);
        var id = await hub.Submit(HubFixture.Spec(_type));
        await machine.Starts(id);
        var (older, link, epoch) = (machine.Token, machine.Link, machine.Epoch);

        await machine.Register();

        await hub.Until(() => link.Closed.Contains("TOKEN_ROTATED"), "its stream is closed");
        Assert.Equal("STALE_EPOCH", (await HubFixture.Refused(FailureKind.Aborted, () => machine.Beat(epoch))).Reason);
        await HubFixture.Refused(FailureKind.Unauthenticated, () => machine.Grain.CheckToken(Hash(older)));
        await hub.Submit(HubFixture.Spec(_type));
        Assert.Single(link.Assigned);
        await machine.Connect();
        await machine.Beat();
        Assert.Equal(ReportVerdictKind.Accepted, (await machine.Ends(id)).Kind);
        Assert.Single((await hub.Snapshot(id)).Attempts);
    }

    [Fact]
    public async Task RevokeToken_EndsItsStreamAndItsCalls_AndItsRunCostsNoAttempt()
    {
        var machine = await hub.Connected(_type);
        var id = await hub.Submit(HubFixture.Spec(_type) with { Retry = new() { MaxAttempts = 1 } });
        await machine.Starts(id);
        Assert.NotNull((await machine.Snapshot()).TokenCreatedAt);
        await HubFixture.Refused(FailureKind.NotFound, () => machine.Grain.RevokeToken(new Caller("stranger", "stranger", Roles.User)));

        Assert.Null((await machine.Grain.RevokeToken(machine.Caller)).TokenCreatedAt);

        await HubFixture.Refused(FailureKind.Unauthenticated, () => machine.Grain.CheckToken(Hash(machine.Token)));
        await HubFixture.Refused(FailureKind.Aborted, () => machine.Beat());
        await hub.Until(() => !machine.Link.Closed.IsEmpty, "its stream is closed");
        Assert.Equal(TaskState.Pending, (await hub.Snapshot(id)).State);
        await machine.Register(); // made anew it is good again
        Assert.Equal(machine.Id, (await machine.Grain.CheckToken(Hash(machine.Token))).NodeId);
    }

    [Fact]
    public async Task Token_OlderThanItMayBe_IsGoodForNothing()
    {
        hub.Options.Nodes.TokenMaxAge = TimeSpan.FromSeconds(30); // a node reads what is laid down for it when it wakes up
        try
        {
            var machine = await hub.Connected(_type);
            await hub.Pass(TimeSpan.FromSeconds(29), machine);
            await machine.Grain.CheckToken(Hash(machine.Token));
            Assert.Equal(hub.Clock.GetUtcNow() + TimeSpan.FromSeconds(1), (await machine.Snapshot()).TokenEndsAt);
            await hub.Pass(TimeSpan.FromSeconds(1), machine);
            await HubFixture.Refused(FailureKind.Unauthenticated, () => machine.Grain.CheckToken(Hash(machine.Token)));
        }
        finally
        {
            hub.Options.Nodes.TokenMaxAge = TimeSpan.Zero;
        }
    }

    [Fact]
    public async Task RemovedNode_ThatHasEarned_KeepsItsIdForItsOwner()
    {
        var machine = await hub.Connected(_type);
        var id = await hub.Submit(HubFixture.Spec(_type));
        await machine.Starts(id);
        await hub.Pass(TimeSpan.FromSeconds(2), machine);
        await machine.Ends(id);
        await hub.Settled();
        var epoch = machine.Epoch;
        await machine.Grain.Unregister(machine.Caller);
        Assert.Null(await machine.Grain.GetSnapshot());
        await hub.Deactivate(machine.Grain);

        var thief = new Machine(hub, machine.Id, hub.NewName("thief"), Machine.Usual);
        Assert.Equal("NODE_OF_ANOTHER_OWNER", (await HubFixture.Refused(FailureKind.PermissionDenied, thief.Register)).Reason);

        Assert.Null(await machine.Grain.GetSnapshot());
        await machine.Register();
        await machine.Connect();
        Assert.True(machine.Epoch > epoch, "an older connection stays stale");
    }

    [Fact]
    public async Task RemovedNode_WithoutAPast_LeavesItsIdToAnybody()
    {
        var machine = await hub.Connected(_type);
        await machine.Grain.Unregister(machine.Caller);

        await new Machine(hub, machine.Id, hub.NewName("next"), Machine.Usual).Register();
    }

    private byte[] Hash(string token) => SessionToken.TryParse(token, hub.Database.TokenTagKey)!.SecretHash;

    private async Task SetActive(AccountRow owner, bool isActive) =>
        await hub.Grains.GetGrain<IUserGrain>(owner.UserId).Change(new AccountChange { IsActive = isActive }, null, Actor.Hub);
}

using HiveMind.Auditing;
using HiveMind.Tasks;
using HiveMind.Users;
using Microsoft.Extensions.DependencyInjection;

namespace HiveMind.Tests.Cluster;

/// <summary>What an account still has in the pool when it becomes inactive ends, whatever happens in between.</summary>
[Collection(HubCollection.Name)]
public sealed class ClosingTests(HubFixture hub)
{
    private const string Password = "correct horse battery";

    [Fact]
    public async Task Deactivated_WhatWaitsAndWhatRuns_IsCancelledAndItsSessionsEnd()
    {
        var user = await hub.NewUser(Password);
        var login = await hub.LogIn(user, Password);
        var type = hub.NewName("type");
        var machine = await hub.Connected(type);
        var running = await hub.Submit(HubFixture.Spec(type, user.UserId));
        await hub.PassUntil(async () => (await hub.Snapshot(running)).State == TaskState.Assigned, "assigned", machine);
        var waiting = new List<string>();
        for (var i = 0; i < 20; i++) waiting.Add(await hub.Submit(HubFixture.Spec(hub.NewName("nowhere"), user.UserId)));

        await Grain(user).Change(new() { IsActive = false }, null, new("u-admin"));

        await hub.Until(() => AllCancelled([running, .. waiting]), "all cancelled");
        Assert.DoesNotContain(await Grain(user).ListSessions(), _ => true);
        var session = SessionToken.TryParse(login.SessionToken, hub.Database.TokenTagKey)!;
        await HubFixture.Refused(FailureKind.Unauthenticated, () => Grain(user).CheckSession(session.SessionId, session.SecretHash));
        await UntilClosed(user);
        Assert.Single(await hub.Database.Read(new(Subject: user.UserId, Action: AuditActions.Closed), null, 10));
    }

    [Fact]
    public async Task Deactivated_ByAHubThatDiedRightAfter_IsCarriedThrough()
    {
        var user = await hub.NewUser(Password);
        await hub.LogIn(user, Password);
        var task = await hub.Submit(HubFixture.Spec(hub.NewName("nowhere"), user.UserId));

        await hub.Database.UpdateAccount(user with { IsActive = false }, new("u-admin"), CancellationToken.None); // and nobody was told

        await hub.PassUntil(() => AllCancelled([task]), "cancelled");
        await UntilClosed(user);
        Assert.Empty(await Grain(user).ListSessions());
    }

    [Fact]
    public async Task Deactivated_ATaskThatWasOnItsWayIn_IsMetByALaterPass()
    {
        var user = await hub.NewUser(Password);
        await Grain(user).Change(new() { IsActive = false }, null, new("u-admin"));

        var late = await hub.Submit(HubFixture.Spec(hub.NewName("nowhere"), user.UserId));

        await hub.PassUntil(() => AllCancelled([late]), "cancelled");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Deactivated_ATaskThatWasOnItsWayIn_IsNeverGranted(bool isHeld)
    {
        var user = await hub.NewUser(Password);
        var (machine, type) = await Lent();
        await hub.Database.UpdateAccount(user with { IsActive = false }, new("u-admin"), CancellationToken.None); // and no pass has come by yet

        var late = await hub.Submit(HubFixture.Spec(type, user.UserId) with { Hold = isHeld ? new(1000, 1000, 1) : null });

        var asked = await hub.Task(late).Grant(machine.Id, machine.Owner, machine.Epoch);
        Assert.Equal((null, GrantResult.AccountInactive), (asked.Assignment, asked.Refusal));
        await hub.PassUntil(() => AllCancelled([late]), "cancelled", machine);
        Assert.Empty((await hub.Snapshot(late)).Attempts);
        Assert.Empty(machine.Link.Assigned);
    }

    [Fact]
    public async Task Deactivated_AnAccountThatWasJustAskedFor_IsRefusedAtOnce()
    {
        var user = await hub.NewUser(Password);
        var (machine, type) = await Lent();
        var first = await hub.Submit(HubFixture.Spec(type, user.UserId));
        await hub.Until(async () => (await hub.Snapshot(first)).State == TaskState.Assigned, "granted, and so its account is known");

        await Grain(user).Change(new() { IsActive = false }, null, new("u-admin")); // the clock stands still
        await hub.Until(() => AllCancelled([first]), "the pass has come by");

        var late = await hub.Submit(HubFixture.Spec(type, user.UserId));
        Assert.Equal(GrantResult.AccountInactive, (await hub.Task(late).Grant(machine.Id, machine.Owner, machine.Epoch)).Refusal);
    }

    [Fact]
    public async Task Activated_AfterItsTaskWasRefused_ItIsGranted()
    {
        var user = await hub.NewUser(Password);
        var (machine, type) = await Lent();
        await hub.Database.UpdateAccount(user with { IsActive = false }, new("u-admin"), CancellationToken.None);
        var task = await hub.Submit(HubFixture.Spec(type, user.UserId));
        Assert.Equal(GrantResult.AccountInactive, (await hub.Task(task).Grant(machine.Id, machine.Owner, machine.Epoch)).Refusal);

        await hub.Database.UpdateAccount(user, new("u-admin"), CancellationToken.None);

        await hub.PassUntil(() => Task.FromResult(machine.Link.HasAssigned(task)), "granted", machine);
    }

    [Fact]
    public async Task Activated_BeforeItWasClosed_KeepsWhatComesThen()
    {
        var user = await hub.NewUser(Password);
        await Grain(user).Change(new() { IsActive = false }, null, new("u-admin"));
        await Grain(user).Change(new() { IsActive = true }, null, new("u-admin"));
        Assert.False(await IsClosing(user));
        var task = await hub.Submit(HubFixture.Spec(hub.NewName("nowhere"), user.UserId));
        await hub.LogIn(user, Password);

        for (var i = 0; i < 5; i++) await hub.Services.GetRequiredService<AccountClosing>().Pass(user.UserId, CancellationToken.None);

        Assert.Equal(TaskState.Pending, (await hub.Snapshot(task)).State);
        Assert.Single(await Grain(user).ListSessions());
    }

    private async Task<(Machine Machine, string Type)> Lent()
    {
        var type = hub.NewName("type");
        return (await hub.Connected(type), type);
    }

    private async Task<bool> AllCancelled(IEnumerable<string> tasks)
    {
        foreach (var task in tasks)
            if ((await hub.Snapshot(task)).State != TaskState.Cancelled) return false;
        return true;
    }

    private Task UntilClosed(AccountRow user) => hub.Until(async () =>
    {
        hub.Clock.Advance(TimeSpan.FromSeconds(10));
        return !await IsClosing(user);
    }, "closed");

    private async Task<bool> IsClosing(AccountRow user) => (await hub.Database.Closing(1000, CancellationToken.None)).Contains(user.UserId);

    private IUserGrain Grain(AccountRow user) => hub.Grains.GetGrain<IUserGrain>(user.UserId);
}

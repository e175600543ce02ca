using HiveMind.Auditing;
using HiveMind.Users;
using Microsoft.Extensions.DependencyInjection;

namespace HiveMind.Tests.Cluster;

/// <summary>Logins from the first password to the end of the session, on the hub's clock.</summary>
[Collection(HubCollection.Name)]
public sealed class SessionTests(HubFixture hub)
{
    private const string Password = "correct horse battery";

    [Fact]
    public async Task Login_RightPassword_SessionLastsItsTimeFromTheLastRenewal()
    {
        var user = await hub.NewUser(Password);
        var (grain, timeout) = (Grain(user), hub.Options.Auth.SessionTimeout);
        var login = await hub.LogIn(user, Password);
        Assert.Equal(hub.Clock.GetUtcNow() + timeout, login.ExpiresAt);
        var session = Session(login);
        Assert.Equal(new Caller(user.UserId, user.Username, Roles.User), await Check(grain, session));

        hub.Clock.Advance(timeout - TimeSpan.FromSeconds(1));
        Assert.Equal(hub.Clock.GetUtcNow() + timeout, await grain.Renew(session.SessionId));
        hub.Clock.Advance(timeout - TimeSpan.FromSeconds(1));
        await Check(grain, session);

        hub.Clock.Advance(TimeSpan.FromSeconds(1));
        await IsEnded(grain, session);
        await HubFixture.Refused(FailureKind.Unauthenticated, () => grain.Renew(session.SessionId));
    }

    [Fact]
    public async Task CheckSession_AfterAFreshActivation_StillKnowsItAndNoOtherSecret()
    {
        var user = await hub.NewUser(Password);
        var session = Session(await hub.LogIn(user, Password));

        await hub.Deactivate(Grain(user));

        Assert.Equal(user.UserId, (await Check(Grain(user), session)).UserId);
        await IsEnded(Grain(user), session with { Secret = new byte[32] });
        await IsEnded(Grain(await hub.NewUser(Password)), session);
    }

    [Fact]
    public async Task Logout_OneOfTwoSessions_EndsThatOneOnly()
    {
        var user = await hub.NewUser(Password);
        var grain = Grain(user);
        var (first, second) = (Session(await hub.LogIn(user, Password)), Session(await hub.LogIn(user, Password)));

        await grain.Logout(first.SessionId, Actor.Hub);

        await IsEnded(grain, first);
        await Check(grain, second);
    }

    [Fact]
    public async Task Update_NewPassword_EndsTheOtherSessionsAndTheOldPassword()
    {
        const string NewPassword = "staple battery horse";
        var user = await hub.NewUser(Password);
        var grain = Grain(user);
        var (kept, other) = (Session(await hub.LogIn(user, Password)), Session(await hub.LogIn(user, Password)));
        var wrong = await HubFixture.Refused(FailureKind.InvalidArgument, () =>
            Update(user, new(CurrentPassword: "guessed it", NewPassword: NewPassword), kept.SessionId));
        Assert.Equal("current_password", wrong.Field);
        await Check(grain, other);

        await Update(user, new(CurrentPassword: Password, NewPassword: NewPassword), kept.SessionId);

        await Check(grain, kept);
        await IsEnded(grain, other);
        await HubFixture.Refused(FailureKind.Unauthenticated, () => hub.LogIn(user, Password));
        await Check(grain, Session(await hub.LogIn(user, NewPassword)));
    }

    [Fact]
    public async Task Update_Deactivated_EndsAllSessionsAndRefusesLogin()
    {
        var user = await hub.NewUser(Password);
        var grain = Grain(user);
        var session = Session(await hub.LogIn(user, Password));

        await grain.Change(new() { IsActive = false }, session.SessionId, Actor.Hub);

        await IsEnded(grain, session);
        await HubFixture.Refused(FailureKind.Unauthenticated, () => hub.LogIn(user, Password));
        await grain.Change(new() { IsActive = true }, null, Actor.Hub);
        await IsEnded(grain, session); // being active again brings no old session back
        await Check(grain, Session(await hub.LogIn(user, Password)));
    }

    [Fact]
    public async Task Login_SamePasswordAgain_NeedsNoHashing()
    {
        var user = await hub.NewUser(Password);
        var grain = Grain(user);
        await hub.LogIn(user, Password);
        using var release = new ManualResetEventSlim();
        var taken = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var holder = hub.Services.GetRequiredService<HashingSlots>().Run(() => // the only slot
        {
            taken.SetResult();
            release.Wait();
            return 0;
        }, "elsewhere", first: false, CancellationToken.None);

        try
        {
            await taken.Task;
            await Check(grain, Session(await hub.LogIn(user, Password)));
            var guess = hub.LogIn(user, "guessed it");
            Assert.NotSame(guess, await Task.WhenAny(guess, Task.Delay(100))); // anything else waits for a slot
            release.Set();
            await HubFixture.Refused(FailureKind.Unauthenticated, () => guess);
        }
        finally
        {
            release.Set();
            await holder;
        }
    }

    private Task<AccountRow> Update(AccountRow user, ProfileChange change, string? keep) => hub.Services.GetRequiredService<IAccounts>()
        .Update(new Caller(user.UserId, user.Username, user.Role) { Address = "192.0.2.1" }, change, keep, CancellationToken.None);

    private IUserGrain Grain(AccountRow user) => hub.Grains.GetGrain<IUserGrain>(user.UserId);

    private SessionToken Session(LoginResult login) => SessionToken.TryParse(login.SessionToken, hub.Database.TokenTagKey)!;

    private static Task<Caller> Check(IUserGrain grain, SessionToken session) => grain.CheckSession(session.SessionId, session.SecretHash);

    private static Task IsEnded(IUserGrain grain, SessionToken session) =>
        HubFixture.Refused(FailureKind.Unauthenticated, () => Check(grain, session));
}

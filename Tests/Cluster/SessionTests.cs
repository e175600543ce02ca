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
        var login = await grain.Login(Password);
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
        var session = Session(await Grain(user).Login(Password));

        await hub.Deactivate(Grain(user));

        Assert.Equal(user.UserId, (await Check(Grain(user), session)).UserId);
        await IsEnded(Grain(user), session with { Secret = new byte[32] });
        await IsEnded(Grain(await hub.NewUser(Password)), session);
    }

    [Fact]
    public async Task Logout_OneOfTwoSessions_EndsThatOneOnly()
    {
        var grain = Grain(await hub.NewUser(Password));
        var (first, second) = (Session(await grain.Login(Password)), Session(await grain.Login(Password)));

        await grain.Logout(first.SessionId);

        await IsEnded(grain, first);
        await Check(grain, second);
    }

    [Fact]
    public async Task Update_NewPassword_EndsTheOtherSessionsAndTheOldPassword()
    {
        const string NewPassword = "staple battery horse";
        var grain = Grain(await hub.NewUser(Password));
        var (kept, other) = (Session(await grain.Login(Password)), Session(await grain.Login(Password)));
        var wrong = await HubFixture.Refused(FailureKind.InvalidArgument, () =>
            grain.Update(new(CurrentPassword: "guessed it", NewPassword: NewPassword), kept.SessionId));
        Assert.Equal("current_password", wrong.Field);
        await Check(grain, other);

        await grain.Update(new(CurrentPassword: Password, NewPassword: NewPassword), kept.SessionId);

        await Check(grain, kept);
        await IsEnded(grain, other);
        await HubFixture.Refused(FailureKind.Unauthenticated, () => grain.Login(Password));
        await Check(grain, Session(await grain.Login(NewPassword)));
    }

    [Fact]
    public async Task Update_Deactivated_EndsAllSessionsAndRefusesLogin()
    {
        var grain = Grain(await hub.NewUser(Password));
        var session = Session(await grain.Login(Password));

        await grain.Update(new(IsActive: false), session.SessionId);

        await IsEnded(grain, session);
        await HubFixture.Refused(FailureKind.Unauthenticated, () => grain.Login(Password));
        await grain.Update(new(IsActive: true), null);
        await IsEnded(grain, session); // being active again brings no old session back
        await Check(grain, Session(await grain.Login(Password)));
    }

    [Fact]
    public async Task Login_SamePasswordAgain_NeedsNoHashing()
    {
        var grain = Grain(await hub.NewUser(Password));
        await grain.Login(Password);
        using var release = new ManualResetEventSlim();
        var taken = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var holder = hub.Services.GetRequiredService<HashingSlots>().Run(() => // the only slot
        {
            taken.SetResult();
            release.Wait();
            return 0;
        });

        try
        {
            await taken.Task;
            await Check(grain, Session(await grain.Login(Password)));
            var guess = grain.Login("guessed it");
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

    private IUserGrain Grain(AccountRow user) => hub.Grains.GetGrain<IUserGrain>(user.UserId);

    private SessionToken Session(LoginResult login) => SessionToken.TryParse(login.SessionToken, hub.Books.TokenTagKey)!;

    private static Task<Caller> Check(IUserGrain grain, SessionToken session) => grain.CheckSession(session.SessionId, session.SecretHash);

    private static Task IsEnded(IUserGrain grain, SessionToken session) =>
        HubFixture.Refused(FailureKind.Unauthenticated, () => Check(grain, session));
}

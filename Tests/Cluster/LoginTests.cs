using HiveMind.Auditing;
using HiveMind.Storage;
using HiveMind.Users;
using Microsoft.Extensions.DependencyInjection;

namespace HiveMind.Tests.Cluster;

/// <summary>Logins and registrations while others fail, and what is written down of it.</summary>
[Collection(HubCollection.Name)]
public sealed class LoginTests(HubFixture hub)
{
    private const string Password = "correct horse battery";

    private static int _places;

    private string Home { get; } = Place(); // what fails at an address is counted for all tests of this hub
    private string Stranger { get; } = Place();

    private IAccounts Accounts => hub.Services.GetRequiredService<IAccounts>();

    [Fact]
    public async Task LogIn_RightPasswordBehind64WrongOnes_IsLetIn()
    {
        var alice = await hub.NewUser(Password);
        await hub.LogIn(alice, Password, Home);

        var wrong = Enumerable.Range(0, 64).Select(i => hub.LogIn(alice, $"wrong guess {i}", Stranger)).ToList();
        var login = await hub.LogIn(alice, Password, Home);

        Assert.Equal(alice.UserId, login.Account.UserId);
        var kinds = await Task.WhenAll(wrong.Select(Kind));
        Assert.Equal((10, 54), (kinds.Count(kind => kind == FailureKind.Unauthenticated), kinds.Count(kind => kind == FailureKind.ResourceExhausted)));
        Assert.Equal(alice.UserId, (await hub.LogIn(alice, Password, Place())).Account.UserId); // and from where it was never seen
    }

    [Fact]
    public async Task LogIn_Wrong_LooksTheSameForUnknownLockedAndKnownAccounts()
    {
        var known = await hub.NewUser(Password);
        var locked = await hub.NewUser(Password);
        await Grain(locked).Change(new() { IsActive = false }, null, Actor.Hub);
        var unknown = known with { Username = hub.NewName("nobody") };

        var answers = new List<string>();
        foreach (var (account, password, address) in new[] { (known, "wrong guess", Place()), (locked, Password, Place()), (unknown, Password, Place()) })
        {
            var seen = new List<string>();
            for (var i = 0; i < 14; i++)
            {
                var refusal = await Assert.ThrowsAsync<HiveMindException>(() => hub.LogIn(account, password, address));
                seen.Add($"{refusal.Kind} {refusal.Reason} {refusal.Message} {refusal.RetryAfter}");
            }

            answers.Add(string.Join('\n', seen));
        }

        Assert.Single(answers.Distinct());
    }

    [Fact]
    public async Task Register_WhileAnotherAddressFloodsWithLogins_Works()
    {
        var flood = Enumerable.Range(0, 150).Select(i => Accounts.LogIn($"bogus{i}", "wrong guess", new(Stranger), CancellationToken.None)).ToList();

        var made = await hub.NewUser(Password);

        Assert.NotNull(await Grain(made).GetAccount());
        Assert.All(await Task.WhenAll(flood.Select(Kind)), kind => Assert.True(kind is FailureKind.Unauthenticated or FailureKind.ResourceExhausted));
    }

    [Fact]
    public async Task LogIn_Failures_AreInTheAuditLogOnceWithTheirNumberAndAddress()
    {
        var alice = await hub.NewUser(Password);
        for (var i = 0; i < 5; i++) await Kind(hub.LogIn(alice, "wrong guess", Stranger));

        await hub.Services.GetRequiredService<AuditTally>().Flush();

        var row = Assert.Single(await Audit(new(Subject: alice.UserId, Action: AuditActions.LoginRefused)));
        Assert.Equal(("anonymous", Stranger, 5), (row.Actor, row.Address, row.Times));
    }

    [Fact]
    public async Task EveryStepOfAnAccount_IsInTheAuditLogWithWhoAndFromWhere()
    {
        var user = await hub.NewUser(Password);
        var login = await hub.LogIn(user, Password, Home);
        var session = SessionToken.TryParse(login.SessionToken, hub.Database.TokenTagKey)!;
        await Accounts.Update(Me(user), new(Email: "x" + user.Email, CurrentPassword: Password), session.SessionId, CancellationToken.None);
        await Accounts.Update(Me(user), new(NewPassword: "staple battery horse", CurrentPassword: Password), session.SessionId, CancellationToken.None);
        await Grain(user).Logout(session.SessionId, new(user.UserId, Home));
        await Grain(user).Change(new() { Role = Roles.Admin }, null, new("u-admin", "192.0.2.44"));

        var rows = await Audit(new(Subject: user.UserId));

        Assert.Equal(["role", "logout", "password", "email", "login", "register"], rows.Select(row => row.Action));
        Assert.Equal(("u-admin", "192.0.2.44", "user", "admin"), (rows[0].Actor, rows[0].Address, rows[0].Before, rows[0].After));
        Assert.Equal((user.Email, "x" + user.Email), (rows[3].Before, rows[3].After));
        Assert.All(rows.Skip(1).SkipLast(1), row => Assert.Equal((user.UserId, Home), (row.Actor, row.Address)));
    }

    [Fact]
    public async Task LogIn_PasswordTypedInAnotherForm_IsTheSameAndOldHashesStillWork()
    {
        const string Composed = "cr\u00e8me br\u00fbl\u00e9e", Decomposed = "cre\u0300me bru\u0302le\u0301e";
        var user = await hub.NewUser(Composed);
        await hub.LogIn(user, Decomposed);

        var old = await hub.NewUser(Password); // hashed as it was given, before there were forms
        var salt = PasswordHash.NewSalt();
        await Grain(old).Change(new() { PasswordHash = PasswordHash.Compute(Decomposed, salt, 1000), Salt = salt }, null, Actor.Hub);
        await hub.LogIn(old, Decomposed);
    }

    [Fact]
    public async Task ResetPassword_Temporary_MustBeChangedAndIsGoodForADay()
    {
        var user = await hub.NewUser(Password);
        var before = Session(await hub.LogIn(user, Password));
        var temporary = await Accounts.ResetPassword(user.UserId, new("u-admin"), CancellationToken.None);
        await HubFixture.Refused(FailureKind.Unauthenticated, () => Check(user, before));
        await HubFixture.Refused(FailureKind.Unauthenticated, () => hub.LogIn(user, Password));

        var session = Session(await hub.LogIn(user, temporary));
        Assert.True((await Check(user, session)).MustChangePassword);
        await Accounts.Update(Me(user), new(CurrentPassword: temporary, NewPassword: "staple battery horse"), session.SessionId, CancellationToken.None);
        Assert.False((await Check(user, session)).MustChangePassword);

        var late = await Accounts.ResetPassword(user.UserId, new("u-admin"), CancellationToken.None);
        hub.Wall.Ahead = HiveMind.Users.Accounts.TemporaryPasswordAge;
        try
        {
            await HubFixture.Refused(FailureKind.Unauthenticated, () => hub.LogIn(user, late));
        }
        finally
        {
            hub.Wall.Ahead = TimeSpan.Zero;
        }
    }

    [Fact]
    public async Task Sessions_AreListedAndEnded()
    {
        var user = await hub.NewUser(Password);
        var (first, second) = (Session(await hub.LogIn(user, Password, Home)), Session(await hub.LogIn(user, Password, Stranger)));
        hub.Clock.Advance(TimeSpan.FromMinutes(1));
        await Check(user, first);

        var listed = await Grain(user).ListSessions();
        Assert.Equal([(first.SessionId, Home), (second.SessionId, Stranger)], listed.Select(session => (session.SessionId, session.Address)));
        Assert.Equal(hub.Clock.GetUtcNow(), listed[0].LastUsedAt);

        Assert.Equal(1, await Grain(user).RevokeSessions([second.SessionId], first.SessionId, new(user.UserId)));
        await HubFixture.Refused(FailureKind.Unauthenticated, () => Check(user, second));
        await Check(user, first);
        Assert.Equal(1, await Grain(user).RevokeSessions([], null, new("u-admin")));
        await HubFixture.Refused(FailureKind.Unauthenticated, () => Check(user, first));
        Assert.Equal(["u-admin", user.UserId], (await Audit(new(Subject: user.UserId, Action: AuditActions.SessionsEnded))).Select(row => row.Actor));
    }

    [Theory]
    [InlineData("local")]
    [InlineData("ROOT")]
    public async Task Register_ReservedName_TakesACodeForIt(string name)
    {
        var refusal = await HubFixture.Refused(FailureKind.InvalidArgument, () => Register(name, ""));
        Assert.Equal("username", refusal.Field);
        var other = await hub.Database.MakeCode(new(1, TimeSpan.FromHours(1)), Actor.Operator, CancellationToken.None);
        await HubFixture.Refused(FailureKind.InvalidArgument, () => Register(name, other.Code));

        var made = await hub.Database.MakeCode(new(1, TimeSpan.FromHours(1), OnlyName: name), Actor.Operator, CancellationToken.None);
        await HubFixture.Refused(FailureKind.PermissionDenied, () => Register(hub.NewName("other"), made.Code));
        Assert.Equal(name, (await Register(name, made.Code)).Username);
    }

    [Fact]
    public async Task Register_WhereACodeIsNeeded_TakesOneThatIsGood()
    {
        hub.Options.Auth.Registration = RegistrationMode.Code;
        try
        {
            Assert.Equal("REGISTRATION_CODE_NEEDED", (await HubFixture.Refused(FailureKind.PermissionDenied, () => Register(hub.NewName("new"), ""))).Reason);
            Assert.Equal("REGISTRATION_CODE_WRONG", (await HubFixture.Refused(FailureKind.PermissionDenied, () => Register(hub.NewName("new"), "guessed"))).Reason);
            var code = (await hub.Database.MakeCode(new(2, TimeSpan.FromHours(1)), new("u-admin"), CancellationToken.None)).Code;
            await Register(hub.NewName("new"), code);
            await Register(hub.NewName("new"), code);
            Assert.Equal("REGISTRATION_CODE_WRONG", (await HubFixture.Refused(FailureKind.PermissionDenied, () => Register(hub.NewName("new"), code))).Reason);
            hub.Options.Auth.Registration = RegistrationMode.Closed;
            var any = (await hub.Database.MakeCode(new(2, TimeSpan.FromHours(1)), new("u-admin"), CancellationToken.None)).Code;
            Assert.Equal("REGISTRATION_CLOSED", (await HubFixture.Refused(FailureKind.PermissionDenied, () => Register(hub.NewName("new"), any))).Reason);
        }
        finally
        {
            hub.Options.Auth.Registration = RegistrationMode.Open;
        }
    }

    private static string Place() => Place(Interlocked.Increment(ref _places));

    private static string Place(int number) => $"10.9.{number / 256}.{number % 256}";

    private Task<AccountRow> Register(string name, string code) => Accounts.Register(
        new(name, Password, $"{hub.NewName("mail")}@example.org", "", "", code), new(Place()), CancellationToken.None);

    private async Task<FailureKind> Kind(Task<LoginResult> login) => (await Assert.ThrowsAsync<HiveMindException>(() => login)).Kind;

    private Task<IReadOnlyList<AuditRow>> Audit(AuditFilter filter) => hub.Database.Read(filter, null, 100);

    private Caller Me(AccountRow user) => new(user.UserId, user.Username, user.Role) { Address = Home };

    private IUserGrain Grain(AccountRow user) => hub.Grains.GetGrain<IUserGrain>(user.UserId);

    private SessionToken Session(LoginResult login) => SessionToken.TryParse(login.SessionToken, hub.Database.TokenTagKey)!;

    private Task<Caller> Check(AccountRow user, SessionToken session) => Grain(user).CheckSession(session.SessionId, session.SecretHash);
}

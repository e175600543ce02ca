using Dapper;
using HiveMind.Auditing;
using HiveMind.Storage;
using HiveMind.Users;

namespace HiveMind.Tests.Database;

public sealed class AccountTests : IDisposable
{
    private const string Hostile = "'; DROP TABLE users; --\"%_\\ \n é";
    private readonly TestFolder _folder = new();
    private readonly SqliteDatabase _database;

    public AccountTests() => _database = _folder.OpenDatabase();

    public void Dispose()
    {
        _database.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task AddAccount_New_IsFoundWithItsStartingCredits()
    {
        var account = Make.Account("u1", "Ada", "Ada@Example.org") with { DisplayName = "Ada L.", CreatedAt = Make.Now.AddTicks(17) };
        await _database.AddAccount(account, new(5_000_000, Actor.Hub), Make.None);
        await _database.NoteLogin(account with { LastLogin = Make.Now }, "192.0.2.1", Actor.Hub, Make.None);

        Assert.Equal(account with { LastLogin = Make.Now }, await _database.FindAccount("u1", Make.None));
        Assert.Equal("u1", (await _database.FindAccountByName("aDA", Make.None))?.UserId);
        Assert.Equal(5_000_000, await _database.Balance("u1", Make.None));
        Assert.Equal(-5_000_000, await _database.Balance(SqliteDatabase.Mint, Make.None));
        Assert.Equal(0, await _database.SumOfPostings(Make.None));
        Assert.Equal(2, await _database.Number("SELECT count(*) FROM postings WHERE kind = 'starting'"));
        Assert.Equal(0, await _database.Balance("nobody", Make.None));
        Assert.Null(await _database.FindAccount("U1", Make.None));
    }

    [Theory]
    [InlineData("ada", "other@example.org", "username")]
    [InlineData("bob", "ADA@example.ORG", "email")]
    public async Task AddAccount_TakenInOtherLetterCase_NamesTheFieldAndChangesNothing(string name, string email, string field)
    {
        await _database.AddAccount(Make.Account("u1", "Ada", "Ada@Example.org"), new(1, Actor.Hub), Make.None);

        var failure = await Assert.ThrowsAsync<HiveMindException>(() => _database.AddAccount(Make.Account("u2", name, email), new(1, Actor.Hub), Make.None));

        Assert.Equal((FailureKind.AlreadyExists, field), (failure.Kind, failure.Field));
        Assert.Null(await _database.FindAccount("u2", Make.None));
        Assert.Equal(0, await _database.Balance("u2", Make.None));
    }

    [Fact]
    public async Task AddAccount_IdOfTheMint_IsTaken()
    {
        var failure = await Assert.ThrowsAsync<HiveMindException>(() => _database.AddAccount(Make.Account(SqliteDatabase.Mint), new(1, Actor.Hub), Make.None));
        Assert.Equal(FailureKind.AlreadyExists, failure.Kind);
    }

    [Fact]
    public async Task UpdateAccount_RoleAndActive_AreWrittenAndAudited()
    {
        await _database.AddAccount(Make.Account("u1"), new(0, Actor.Hub), Make.None);
        await _database.AddAccount(Make.Account("u2"), new(0, Actor.Hub), Make.None);

        var changed = Make.Account("u1", email: "new@example.org") with { Role = Roles.Admin, IsActive = false, PasswordHash = "h", DisplayName = "d" };
        await _database.UpdateAccount(changed, new("root"), Make.None);

        Assert.Equal(changed, await _database.FindAccount("u1", Make.None));
        Assert.Equal(["display name", "email", "password", "deactivate", "role"], (await _database.Read(new(Actor: "root", Subject: "u1"), null, 10, Make.None)).Select(row => row.Action));
        Assert.Equal(2, await _database.Number("SELECT count(*) FROM audit_log WHERE action = 'register'"));
        var taken = await Assert.ThrowsAsync<HiveMindException>(() => _database.UpdateAccount(Make.Account("u2", email: "NEW@example.org"), Actor.Hub, Make.None));
        Assert.Equal("email", taken.Field);
        var missing = await Assert.ThrowsAsync<HiveMindException>(() => _database.UpdateAccount(Make.Account("u3"), Actor.Hub, Make.None));
        Assert.Equal(FailureKind.NotFound, missing.Kind);
    }

    [Fact]
    public async Task EveryString_WithSqlCharacters_ComesBackAsItWas()
    {
        var account = Make.Account(Hostile, Hostile, Hostile) with { DisplayName = Hostile, PasswordHash = Hostile, Salt = Hostile };
        await _database.AddAccount(account, new(7, Actor.Hub), Make.None);
        await _database.UpdateAccount(account with { Role = Hostile }, new(Hostile), Make.None);
        var settlement = Make.Settlement(Hostile, new HiveMind.Rewards.AttemptDue(1, Hostile, Hostile, Hostile + "2", 5, 10, true)) with
        {
            UserId = Hostile, TaskType = Hostile, Reason = Hostile, NodeId = Hostile, ResultSha256 = Hostile,
        };
        Assert.Empty(await _database.Settle([settlement], Make.None));

        Assert.Equal(account with { Role = Hostile }, await _database.FindAccount(Hostile, Make.None));
        Assert.Equal(Hostile, (await _database.FindAccountByName(Hostile, Make.None))?.UserId);
        Assert.Equal(2, await _database.Balance(Hostile, Make.None));
        Assert.Equal(1, (await _database.NodeTotals(Hostile, Make.None)).Completed);
        Assert.Equal(Hostile, await _database.Query(c => c.ExecuteScalar<string>("SELECT reason FROM task_history")));
    }

    [Fact]
    public async Task AdminCode_RightOnce_MakesOneAdminAndTheFileGoes()
    {
        var path = await _database.EnsureAdminCode(_folder.Path);
        Assert.NotNull(path);
        Assert.Equal(path, await _database.EnsureAdminCode(_folder.Path));
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        var code = await File.ReadAllTextAsync(path);

        var wrong = await Assert.ThrowsAsync<HiveMindException>(() => _database.AddAccount(Make.Account("u0"), new(1, Actor.Hub, "x"), Make.None));
        Assert.Equal("ADMIN_CODE_WRONG", wrong.Reason);
        Assert.Null(await _database.FindAccount("u0", Make.None));
        await _database.AddAccount(Make.Account("u1", role: Roles.Admin), new(1, Actor.Hub, code), Make.None);
        var again = await Assert.ThrowsAsync<HiveMindException>(() => _database.AddAccount(Make.Account("u2"), new(1, Actor.Hub, code), Make.None));

        Assert.Equal("ADMIN_CODE_WRONG", again.Reason);
        Assert.False(File.Exists(path));
        Assert.Null(await _database.EnsureAdminCode(_folder.Path));
        Assert.Equal(0, await _database.Query(c => c.ExecuteScalar<long>("SELECT count(*) FROM meta WHERE value = @hash", new { hash = SqliteDatabase.HashCode(code) })));
    }

    [Fact]
    public async Task AdminCode_AccountRefused_IsNotUsedUp()
    {
        await _database.AddAccount(Make.Account("u1", "ada"), new(1, Actor.Hub), Make.None);
        var path = await _database.EnsureAdminCode(_folder.Path);
        var code = await File.ReadAllTextAsync(path!);

        await Assert.ThrowsAsync<HiveMindException>(() => _database.AddAccount(Make.Account("u2", "ADA"), new(1, Actor.Hub, code), Make.None));
        await _database.AddAccount(Make.Account("u2"), new(1, Actor.Hub, code), Make.None);

        Assert.NotNull(await _database.FindAccount("u2", Make.None));
    }
}

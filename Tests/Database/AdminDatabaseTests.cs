using HiveMind.Auditing;
using HiveMind.Storage;
using HiveMind.Users;
using Microsoft.Extensions.Time.Testing;

namespace HiveMind.Tests.Database;

/// <summary>What admins do in the database: searching, credits, codes, and that there is always one of them.</summary>
public sealed class AdminDatabaseTests : IDisposable
{
    private static readonly Actor Root = new("root", "192.0.2.1");
    private readonly TestFolder _folder = new();
    private readonly FakeTimeProvider _clock = new(Make.Now);
    private readonly SqliteDatabase _database;

    public AdminDatabaseTests() => _database = SqliteDatabase.Open(_folder.DatabasePath, _clock);

    public void Dispose()
    {
        _database.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task LastAdmin_CanNeitherBeDemotedNorDeactivated_AlsoByTwoAtOnce()
    {
        var (a, b) = (Make.Account("a", role: Roles.Admin) with { PasswordHash = "h" }, Make.Account("b", role: Roles.Admin) with { PasswordHash = "h" });
        foreach (var account in new[] { a, b, Make.Account("c") }) await Add(account);

        var refusals = await Task.WhenAll(
            Failure(_database.UpdateAccount(a with { Role = Roles.User }, Root, Make.None)), Failure(_database.UpdateAccount(b with { IsActive = false }, Root, Make.None)));

        Assert.Equal("LAST_ADMIN", Assert.Single(refusals.OfType<HiveMindException>()).Reason);
        var left = Assert.Single(await _database.Search(new(Role: Roles.Admin, IsActive: true), "", 10, Make.None)).Account;
        Assert.Equal("LAST_ADMIN", (await Failure(_database.UpdateAccount(left with { Role = Roles.User }, Root, Make.None)))!.Reason);
        await _database.UpdateAccount(left with { Email = "other@example.org" }, Root, Make.None);
    }

    [Fact]
    public async Task AdminCode_MadeAnew_IsGoodOnceAndTheOldOneForNothing()
    {
        var first = await File.ReadAllTextAsync((await _database.EnsureAdminCode(_folder.Path))!);
        await _database.AddAccount(Make.Account("a", role: Roles.Admin), new(0, Actor.Hub, first), Make.None);

        using var other = SqliteDatabase.Open(_folder.DatabasePath, _clock); // as another process, while the hub runs
        var second = await File.ReadAllTextAsync(await other.NewAdminCode(_folder.Path));
        var third = await File.ReadAllTextAsync(await other.NewAdminCode(_folder.Path));

        Assert.Equal("ADMIN_CODE_WRONG", (await Failure(_database.AddAccount(Make.Account("b", role: Roles.Admin), new(0, Actor.Hub, second), Make.None)))!.Reason);
        await _database.AddAccount(Make.Account("b", role: Roles.Admin), new(0, Actor.Hub, third), Make.None);
        Assert.Equal("ADMIN_CODE_WRONG", (await Failure(_database.AddAccount(Make.Account("c", role: Roles.Admin), new(0, Actor.Hub, third), Make.None)))!.Reason);
        Assert.Equal(["operator", "operator"], (await _database.Read(new(Action: AuditActions.AdminCodeMade), null, 10)).Select(row => row.Actor));
        Assert.Null(await _database.EnsureAdminCode(_folder.Path));
    }

    [Fact]
    public async Task AdjustCredits_GivesTakesAndRepeats_AndNeverBelowZero()
    {
        await Add(Make.Account("u"));

        Assert.Equal(5_000_000, await _database.AdjustCredits(new("u", 5_000_000, "thanks", "r1"), Root, Make.None));
        Assert.Equal(5_000_000, await _database.AdjustCredits(new("u", 5_000_000, "thanks", "r1"), Root, Make.None));
        Assert.Equal("request_id", (await Failure(_database.AdjustCredits(new("u", 6_000_000, "thanks", "r1"), Root, Make.None)))!.Field);
        Assert.Equal(2_000_000, await _database.AdjustCredits(new("u", -3_000_000, "fine", "r2"), Root, Make.None));
        Assert.Equal("INSUFFICIENT_CREDITS", (await Failure(_database.AdjustCredits(new("u", -2_000_001, "fine", "r3"), Root, Make.None)))!.Reason);
        Assert.Equal(FailureKind.NotFound, (await Failure(_database.AdjustCredits(new("x", 1, "", "r4"), Root, Make.None)))!.Kind);

        Assert.Equal((2_000_000L, -2_000_000L), (await _database.Balance("u", Make.None), await _database.Balance(SqliteDatabase.Mint, Make.None)));
        Assert.Equal((0L, 4L), (await _database.SumOfPostings(Make.None), await _database.Number("SELECT count(*) FROM postings WHERE kind = 'grant'")));
        Assert.Equal([("5", "2: fine"), ("0", "5: thanks")], (await _database.Read(new(Subject: "u", Action: AuditActions.Credits), null, 10)).Select(row => (row.Before, row.After)));
    }

    [Fact]
    public async Task Codes_AreGoodForTheirUsesTheirTimeAndTheirName()
    {
        var made = await _database.MakeCode(new(2, TimeSpan.FromHours(1), "friends"), Root, Make.None);
        Assert.Equal(0, await _database.Number($"SELECT count(*) FROM registration_codes WHERE code_hash = '{made.Code}'"));
        await AddWith(Make.Account("a", "ada"), made.Code);
        Assert.Equal("REGISTRATION_CODE_WRONG", (await Failure(AddWith(Make.Account("b", "bob"), made.Code + "0")))!.Reason);
        Assert.Equal(FailureKind.AlreadyExists, (await Failure(AddWith(Make.Account("b", "ADA"), made.Code)))!.Kind); // and the use is not spent
        Assert.Equal(1, Assert.Single(await _database.ListCodes(10, Make.None)).UsesLeft);
        var outcomes = await Task.WhenAll(Failure(AddWith(Make.Account("c", "carl"), made.Code)), Failure(AddWith(Make.Account("d", "dora"), made.Code)));
        Assert.Single(outcomes, outcome => outcome is null);
        Assert.Empty(await _database.ListCodes(10, Make.None));

        var late = await _database.MakeCode(new(1, TimeSpan.FromHours(1)), Root, Make.None);
        var revoked = await _database.MakeCode(new(1, TimeSpan.FromDays(1)), Root, Make.None);
        Assert.True(await _database.RevokeCode(revoked.Registered.CodeId, Root, Make.None));
        Assert.False(await _database.RevokeCode(revoked.Registered.CodeId, Root, Make.None));
        _clock.Advance(TimeSpan.FromHours(1) + TimeSpan.FromMilliseconds(1));
        foreach (var code in new[] { late.Code, revoked.Code }) Assert.NotNull(await Failure(AddWith(Make.Account("e", "eve"), code)));
    }

    [Fact]
    public async Task Search_FindsByEveryPart_PageByPage()
    {
        for (var i = 0; i < 25; i++) await Add(Make.Account($"id{i:00}", $"User{i:00}", $"mail{i:00}@example.org") with { DisplayName = i == 7 ? "100% Ada_Lovelace" : "x" });
        await _database.UpdateAccount((await _database.FindAccount("id03", Make.None))! with { IsActive = false }, Root, Make.None);

        var names = new List<string>();
        for (var after = ""; await _database.Search(new(), after, 10, Make.None) is { Count: > 0 } page; after = page[^1].Account.Username)
            names.AddRange(page.Select(user => user.Account.Username));
        Assert.Equal(Enumerable.Range(0, 25).Select(i => $"User{i:00}"), names);

        async Task<string> Found(string text) => string.Join(' ', (await _database.Search(new(text), "", 100, Make.None)).Select(user => user.Account.UserId));
        Assert.Equal("id11", await Found("SER11"));
        Assert.Equal("id12", await Found("mail12@"));
        Assert.Equal("id07", await Found("% ada_l"));
        Assert.Equal("id09", await Found("id09"));
        Assert.Equal("", await Found("_nothing%"));
        Assert.Equal("id03", Assert.Single(await _database.Search(new(IsActive: false), "", 100, Make.None)).Account.UserId);
    }

    [Fact]
    public async Task FindLogin_KnowsWhereFromForAWhileAndKeepsNoAddress()
    {
        var account = Make.Account("u", "ada");
        await Add(account);
        await _database.NoteLogin(account with { LastLogin = Make.Now }, "192.0.2.7", Root, Make.None);

        Assert.True((await _database.FindLogin("ADA", "192.0.2.7", Make.None)).KnowsNetwork);
        Assert.False((await _database.FindLogin("ada", "192.0.2.8", Make.None)).KnowsNetwork);
        Assert.Equal(new KnownAccount(null, false), await _database.FindLogin("bob", "192.0.2.7", Make.None));
        Assert.Equal(0, await _database.Number("SELECT count(*) FROM known_networks WHERE network_hash LIKE '%192%'"));
        for (var i = 0; i < 30; i++) await _database.NoteLogin(account with { LastLogin = Make.Now }, $"198.51.100.{i}", Root, Make.None);
        Assert.Equal(SqliteDatabase.KnownNetworks, await _database.Number("SELECT count(*) FROM known_networks"));
        _clock.Advance(TimeSpan.FromDays(91));
        Assert.False((await _database.FindLogin("ada", "198.51.100.29", Make.None)).KnowsNetwork);
    }

    [Fact]
    public async Task Tally_ManyOfTheSameAndMoreKindsThanItKeeps_AreFewLines()
    {
        var tally = new AuditTally(_database, _clock, Microsoft.Extensions.Logging.Abstractions.NullLogger<AuditTally>.Instance);
        for (var i = 0; i < 1000; i++) tally.Count(new(new("anonymous", $"10.0.0.{i}"), AuditActions.LoginRefused, "u"));
        for (var i = 0; i < 10; i++) await tally.Note(new(Root, AuditActions.ActedFor, "u", After: "method"));
        Assert.Single(await _database.Read(new(Action: AuditActions.ActedFor), null, 10)); // the first at once

        await tally.Flush();

        var refused = await _database.Read(new(Action: AuditActions.LoginRefused), null, 1000);
        Assert.Equal((AuditTally.Limit + 1, 1000L), (refused.Count, refused.Sum(row => row.Times)));
        Assert.Equal([9L, 1L], (await _database.Read(new(Action: AuditActions.ActedFor), null, 10)).Select(row => row.Times));
    }

    private Task Add(AccountRow account) => _database.AddAccount(account, new(0, Actor.Hub), Make.None);

    private Task AddWith(AccountRow account, string code) => _database.AddAccount(account, new(0, Actor.Hub, "", code), Make.None);

    private static async Task<HiveMindException?> Failure(Task call)
    {
        try
        {
            await call;
            return null;
        }
        catch (HiveMindException failure)
        {
            return failure;
        }
    }
}

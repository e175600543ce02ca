using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Dapper;
using HiveMind.Auditing;
using HiveMind.Rewards;
using HiveMind.Users;
using Microsoft.Data.Sqlite;

namespace HiveMind.Storage;

public sealed partial class SqliteDatabase : IAccountStore
{
    /// <summary>So many places an account is known from, and for how long.</summary>
    internal const int KnownNetworks = 16;
    private static readonly TimeSpan KnownFor = TimeSpan.FromDays(90);

    private long NowMs => _time.GetUtcNow().ToUnixTimeMilliseconds();

    public Task<KnownAccount> FindLogin(string username, string network, CancellationToken cancel) => _file.Read(c =>
        AccountSql.FindKnown(c, AccountSql.Key(username), NetworkHash(username, network), NowMs - (long)KnownFor.TotalMilliseconds), cancel);

    public Task NoteLogin(AccountRow account, string network, Actor by, CancellationToken cancel) => _file.Write((c, t) =>
    {
        c.Execute("UPDATE users SET last_login = @at WHERE user_id = @UserId", new { account.UserId, at = account.LastLogin?.UtcDateTime }, t);
        c.Execute(
            """
            INSERT INTO known_networks (user_id, network_hash, last_ms) VALUES (@UserId, @hash, @now)
            ON CONFLICT (user_id, network_hash) DO UPDATE SET last_ms = excluded.last_ms
            """, new { account.UserId, hash = NetworkHash(account.Username, network), now = NowMs }, t);
        c.Execute(
            """
            DELETE FROM known_networks WHERE user_id = @UserId AND network_hash NOT IN (
                SELECT network_hash FROM known_networks WHERE user_id = @UserId ORDER BY last_ms DESC, network_hash LIMIT @most)
            """, new { account.UserId, most = KnownNetworks }, t);
        Audit(c, t, new(by, AuditActions.Login, account.UserId));
        return 0;
    }, cancel);

    public Task<IReadOnlyList<ListedAccount>> Search(AccountFilter filter, string afterName, int most, CancellationToken cancel) =>
        _file.Read(c => AccountSql.Search(c, filter, AccountSql.Key(afterName), most), cancel);

    public Task<long> AdjustCredits(CreditChange change, Actor by, CancellationToken cancel) => _file.Write((c, t) =>
    {
        var user = AccountSql.Find(c, "user_id", change.UserId) ?? throw HiveMindException.NotFound("user", change.UserId);
        var id = IdOf(change);
        var before = BalanceIn(c, change.UserId);
        if (c.QuerySingleOrDefault<long?>("SELECT micros FROM postings WHERE task_id = @id AND kind = 'grant' AND account_id = @UserId",
            new { id, change.UserId }) is { } done)
        {
            return done == change.Micros ? before
                : throw HiveMindException.Taken("request_id", "That request_id was used for another amount.");
        }

        var (payer, payee) = change.Micros > 0 ? (Mint, user.UserId) : (user.UserId, Mint);
        if (before + change.Micros < 0)
        {
            throw HiveMindException.Precondition("INSUFFICIENT_CREDITS", string.Create(CultureInfo.InvariantCulture,
                $"'{user.Username}' has {Credits.ToCredits(before)} credits: no more than that can be taken."));
        }

        LedgerSql.Transfer(c, t, new Transfer(id, 0, "grant", payer, payee, Math.Abs(change.Micros), _time.GetUtcNow()));
        var after = before + change.Micros;
        Audit(c, t, new(by, AuditActions.Credits, user.UserId, Amount(before), $"{Amount(after)}: {change.Reason}"));
        return after;
    }, cancel);

    public Task<bool> IsAdjusted(CreditChange change, CancellationToken cancel) => _file.Read(c =>
        c.ExecuteScalar<long>("SELECT count(*) FROM postings WHERE task_id = @id AND kind = 'grant'", new { id = IdOf(change) }) > 0, cancel);

    public Task<MadeCode> MakeCode(CodeSpec spec, Actor by, CancellationToken cancel) => _file.Write((c, t) =>
    {
        var (code, now) = (Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)), NowMs);
        var made = new StoredCode
        {
            CodeId = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(6)), MadeBy = by.Id, MadeMs = now,
            ExpiresMs = now + (long)spec.GoodFor.TotalMilliseconds, Uses = spec.Uses, UsesLeft = spec.Uses, Note = spec.Note, OnlyName = AccountSql.Key(spec.OnlyName),
        };
        c.Execute("DELETE FROM registration_codes WHERE expires_ms < @now", new { now }, t);
        c.Execute(
            """
            INSERT INTO registration_codes (code_id, code_hash, made_by, made_ms, expires_ms, uses, uses_left, note, only_name)
            VALUES (@CodeId, @hash, @MadeBy, @MadeMs, @ExpiresMs, @Uses, @UsesLeft, @Note, @OnlyName)
            """,
            new { made.CodeId, hash = HashCode(code), made.MadeBy, made.MadeMs, made.ExpiresMs, made.Uses, made.UsesLeft, made.Note, made.OnlyName }, t);
        Audit(c, t, new(by, AuditActions.CodeMade, made.CodeId, After: $"{made.Uses} uses{(made.OnlyName.Length > 0 ? $" for {made.OnlyName}" : "")}"));
        return new MadeCode(code, made.ToCode());
    }, cancel);

    public Task<IReadOnlyList<RegistrationCode>> ListCodes(int most, CancellationToken cancel) => _file.Read<IReadOnlyList<RegistrationCode>>(c =>
    [
        .. c.Query<StoredCode>($"{StoredCode.Select} WHERE expires_ms >= @now AND uses_left > 0 ORDER BY made_ms DESC, code_id LIMIT @most",
            new { now = NowMs, most }).Select(code => code.ToCode()),
    ], cancel);

    public Task<bool> RevokeCode(string codeId, Actor by, CancellationToken cancel) => _file.Write((c, t) =>
    {
        var found = c.Execute("DELETE FROM registration_codes WHERE code_id = @codeId", new { codeId }, t) > 0;
        if (found) Audit(c, t, new(by, AuditActions.CodeRevoked, codeId));
        return found;
    }, cancel);

    public Task<RegistrationCode?> FindCode(string code, CancellationToken cancel) => _file.Read(c => FindCode(c, code)?.ToCode(), cancel);

    public Task<IReadOnlyList<string>> Closing(int most, CancellationToken cancel) => _file.Read<IReadOnlyList<string>>(c =>
        [.. c.Query<string>("SELECT user_id FROM users WHERE closing_ms IS NOT NULL ORDER BY closing_ms LIMIT @most", new { most })], cancel);

    public Task NoteClosed(string userId, CancellationToken cancel) => _file.Write((c, t) =>
    {
        if (c.Execute("UPDATE users SET closing_ms = NULL WHERE user_id = @userId AND closing_ms IS NOT NULL AND is_active = 0", new { userId }, t) > 0)
            Audit(c, t, new(Actor.Hub, AuditActions.Closed, userId));
        return 0;
    }, cancel);

    /// <summary>In the transaction that makes the account: of two that come with a code's last use, one is refused.</summary>
    private void UseCode(SqliteConnection connection, SqliteTransaction transaction, string code, AccountRow account, Actor by)
    {
        var found = FindCode(connection, code);
        if (found is null || (found.OnlyName.Length > 0 && found.OnlyName != AccountSql.Key(account.Username)))
            throw HiveMindException.Denied("REGISTRATION_CODE_WRONG", "That registration code is wrong, used up, expired or for another name: ask an admin for a new one.");
        connection.Execute("UPDATE registration_codes SET uses_left = uses_left - 1 WHERE code_id = @CodeId", new { found.CodeId }, transaction);
        Audit(connection, transaction, new(by, AuditActions.CodeUsed, found.CodeId, After: account.UserId));
    }

    private StoredCode? FindCode(SqliteConnection connection, string code) => connection.QuerySingleOrDefault<StoredCode>(
        $"{StoredCode.Select} WHERE code_hash = @hash AND expires_ms >= @now AND uses_left > 0", new { hash = HashCode(code), now = NowMs });

    private static string IdOf(CreditChange change) => $"grant:{change.UserId}:{HashCode(change.RequestId)}";

    private static long BalanceIn(SqliteConnection connection, string userId) =>
        connection.ExecuteScalar<long>("SELECT coalesce(sum(balance_micros), 0) FROM accounts WHERE account_id = @userId", new { userId });

    private static string Amount(long micros) => Credits.ToCredits(micros).ToString(CultureInfo.InvariantCulture);

    /// <summary>Keyed, so that the database does not say where somebody was.</summary>
    private string NetworkHash(string username, string network) =>
        Convert.ToHexStringLower(HMACSHA256.HashData(TokenTagKey, Encoding.UTF8.GetBytes($"{AccountSql.Key(username)}\n{network}")).AsSpan(0, 16));

    private sealed class StoredCode
    {
        public const string Select =
            """
            SELECT code_id AS CodeId, made_by AS MadeBy, made_ms AS MadeMs, expires_ms AS ExpiresMs, uses AS Uses, uses_left AS UsesLeft, note AS Note,
                only_name AS OnlyName FROM registration_codes
            """;

        public string CodeId { get; init; } = "";
        public string MadeBy { get; init; } = "";
        public long MadeMs { get; init; }
        public long ExpiresMs { get; init; }
        public long Uses { get; init; }
        public long UsesLeft { get; init; }
        public string Note { get; init; } = "";
        public string OnlyName { get; init; } = "";

        public RegistrationCode ToCode() => new(
            CodeId, MadeBy, StoredTime.Of(MadeMs), StoredTime.Of(ExpiresMs), (int)Uses, (int)UsesLeft, Note,
            OnlyName);
    }
}

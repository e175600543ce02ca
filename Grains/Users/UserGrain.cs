using HiveMind.Auditing;
using HiveMind.Faults;
using HiveMind.Persistence;
using HiveMind.Storage;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Runtime;

namespace HiveMind.Users;

/// <summary>Owns one account's sessions. The account row is the database's: here it is only as last read, and every change goes through here.</summary>
[GrainType("user")]
public sealed partial class UserGrain(
    [PersistentState("user", StateStoreNames.Storage)] IPersistentState<UserRecord> state, IPoolDatabase database, IAccountStore logins, IAuditLog audit, IClosingAccounts closing,
    IOptions<HubOptions> options, TimeProvider time, ILogger<UserGrain> log) : Grain, IUserGrain
{
    /// <summary>How long a row is served as read: another activation, for seconds possible during a membership change, may have changed it.</summary>
    private static readonly TimeSpan RowAge = TimeSpan.FromSeconds(10);

    private readonly Dictionary<string, DateTimeOffset> _used = []; // of live sessions, since the last write
    private UserRecord _user = new();
    private AccountRow? _row;
    private long _rowReadAt;

    private string Id => this.GetPrimaryKeyString();
    private AuthOptions Auth => options.Value.Auth;

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        if (state.RecordExists) _user = state.State;
        return Task.CompletedTask;
    }

    public async Task<LoginResult> OpenSession(string verifiedHash, CallOrigin origin)
    {
        var now = time.GetUtcNow();
        var row = await Row();
        if (row?.PasswordHash != verifiedHash) row = await FreshRow(); // changed since it was read here, or since it was verified
        if (row is null || row.PasswordHash != verifiedHash || !row.CanLogIn(now)) throw HiveMindException.Unauthenticated();

        var token = SessionToken.NewSession(Id);
        var expires = SessionList.ExpiresAt(now, Auth.SessionTimeout, Auth.SessionMaxAge, now);
        var (next, ended) = SessionList.Add(_user, new()
        {
            SessionId = token.SessionId, SecretHash = token.SecretHash, CreatedAt = now, ExpiresAt = expires, LastUsedAt = now, Address = origin.Address,
            Client = origin.Client,
        }, now);
        await Save(next);
        var by = new Actor(Id, origin.Address);
        if (ended.Count > 0) await audit.Note(new(by, AuditActions.SessionsEnded, Id, After: $"{ended.Count} least lately used, more than {SessionList.Limit} at once"));
        _row = row with { LastLogin = now };
        await logins.NoteLogin(_row, ClientNetwork.Of(origin.Address), by, CancellationToken.None);
        return new(token.Format(database.TokenTagKey), expires, _row);
    }

    public async Task<Caller> CheckSession(string sessionId, byte[] secretHash)
    {
        var now = time.GetUtcNow();
        if (SessionList.Find(_user, sessionId, secretHash, now) is null) throw Unknown();
        var row = await Row();
        if (row is not { IsActive: true }) throw Unknown();
        _used[sessionId] = now;
        return new(row.UserId, row.Username, row.Role) { MustChangePassword = row.MustChangePassword };
    }

    public async Task<DateTimeOffset> Renew(string sessionId)
    {
        var renewed = SessionList.Renew(_user, sessionId, Auth.SessionTimeout, Auth.SessionMaxAge, time.GetUtcNow()) ?? throw Unknown();
        await Save(renewed.User);
        return renewed.ExpiresAt;
    }

    public async Task Logout(string sessionId, Actor by)
    {
        await Save(SessionList.Remove(_user, [sessionId], time.GetUtcNow()));
        await audit.Note(new(by, AuditActions.Logout, Id));
        AccountInstruments.LoggedOut();
    }

    public Task<IReadOnlyList<SessionInfo>> ListSessions() => Task.FromResult<IReadOnlyList<SessionInfo>>(
    [
        .. SessionList.Alive(SessionList.Used(_user, _used), time.GetUtcNow()).OrderByDescending(s => s.LastUsedAt)
            .Select(s => new SessionInfo(s.SessionId, s.CreatedAt, s.LastUsedAt, s.ExpiresAt, s.Address, s.Client)),
    ]);

    public async Task<int> RevokeSessions(IReadOnlyList<string> sessionIds, string? keepSessionId, Actor by)
    {
        var now = time.GetUtcNow();
        var next = sessionIds.Count > 0 ? SessionList.Remove(_user, sessionIds, now) : SessionList.KeepOnly(_user, keepSessionId, now);
        var ended = SessionList.Alive(_user, now).Count() - next.Sessions.Count;
        if (ended == 0) return 0;
        await Save(next);
        await audit.Note(new(by, AuditActions.SessionsEnded, Id, After: ended.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        return ended;
    }

    public async Task<AccountRow> Change(AccountChange change, string? keepSessionId, Actor by)
    {
        var row = await FreshRow() ?? throw HiveMindException.NotFound("user", Id);
        if (change.VerifiedHash is { } verified && verified != row.PasswordHash)
            throw HiveMindException.Invalid("current_password", "The current password is wrong.");
        var next = row with
        {
            Email = change.Email ?? row.Email, DisplayName = change.DisplayName ?? row.DisplayName, Role = change.Role ?? row.Role,
            IsActive = change.IsActive ?? row.IsActive,
        };
        if (change.PasswordHash is { } hash) next = next with { PasswordHash = hash, Salt = change.Salt!, TemporaryUntil = change.TemporaryUntil };

        // Sessions end before a password changes: a crash in between leaves somebody logged out, never a session that outlives its password.
        if (change.PasswordHash is not null) await Save(SessionList.KeepOnly(_user, keepSessionId, time.GetUtcNow()));
        await database.UpdateAccount(next, by, CancellationToken.None);
        _row = next;
        _rowReadAt = time.GetTimestamp();
        // And after it becomes inactive: until then it may be refused, as the last admin; from then on no session of it is good for anything.
        if (!next.IsActive) await Save(new UserRecord());
        if (row.IsActive && !next.IsActive) closing.Wake(); // the rest of what it has in the pool; the mark is in the database
        LogChanged(Id, by.Id);
        return next;
    }

    public Task<AccountRow?> GetAccount() => Row();

    private async Task<AccountRow?> Row() => _row is null || time.GetElapsedTime(_rowReadAt) >= RowAge ? await FreshRow() : _row;

    private async Task<AccountRow?> FreshRow()
    {
        _row = await database.FindAccount(Id, CancellationToken.None);
        _rowReadAt = time.GetTimestamp();
        return _row;
    }

    private HiveMindException Unknown()
    {
        if (_row is null && _user.Sessions.Count == 0) DeactivateOnIdle(); // made-up ids must not fill memory
        return HiveMindException.Unauthenticated();
    }

    private async Task Save(UserRecord next)
    {
        next = SessionList.Used(next, _used);
        Failpoint.Hit(Failpoints.SessionBeforeCommit);
        await state.Commit(next, this);
        _user = next;
        _used.Clear();
        Failpoint.Hit(Failpoints.SessionAfterCommit);
    }

    [LoggerMessage(LogLevel.Information, "Account {UserId} changed by {Actor}")]
    private partial void LogChanged(string userId, string actor);
}

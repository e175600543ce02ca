using HiveMind.Faults;
using HiveMind.Persistence;
using HiveMind.Storage;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Runtime;

namespace HiveMind.Users;

/// <summary>Owns one account's sessions. The account row is the books': here it is only as last read, and every change goes through here.</summary>
[GrainType("user")]
public sealed partial class UserGrain(
    [PersistentState("user", FloorNames.Storage)] IPersistentState<UserRecord> state, IBooks books, HashingSlots hashing, IOptions<HubOptions> options,
    TimeProvider time, ILogger<UserGrain> log) : Grain, IUserGrain
{
    /// <summary>How long a row is served as read: another activation, for seconds possible during a membership change, may have changed it.</summary>
    private static readonly TimeSpan RowAge = TimeSpan.FromSeconds(10);

    private readonly CredentialVerifier _verifier = new();
    private UserRecord _user = new();
    private AccountRow? _row;
    private long _rowReadAt;

    private string Id => this.GetPrimaryKeyString();

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        if (state.RecordExists) _user = state.State;
        return Task.CompletedTask;
    }

    public async Task<LoginResult> Login(string password)
    {
        var row = await Row() ?? throw HiveMindException.Unauthenticated();
        if (!await Matches(row, password) || !row.IsActive)
        {
            LogRefused(Id);
            AccountInstruments.LoginRefused();
            throw HiveMindException.Unauthenticated();
        }

        var token = SessionToken.NewSession(Id);
        var now = time.GetUtcNow();
        var expires = now + options.Value.Auth.SessionTimeout;
        await Save(SessionList.Add(_user, new() { SessionId = token.SessionId, SecretHash = token.SecretHash, CreatedAt = now, ExpiresAt = expires }, now));
        await books.SetLastLogin(Id, now, CancellationToken.None);
        _row = row with { LastLogin = now };
        AccountInstruments.LoggedIn();
        return new(token.Format(books.TokenTagKey), expires, _row);
    }

    public async Task<Caller> CheckSession(string sessionId, byte[] secretHash)
    {
        if (SessionList.Find(_user, sessionId, secretHash, time.GetUtcNow()) is null) throw Unknown();
        var row = await Row();
        return row is { IsActive: true } ? new(row.UserId, row.Username, row.Role) : throw Unknown();
    }

    public async Task<DateTimeOffset> Renew(string sessionId)
    {
        var now = time.GetUtcNow();
        var expires = now + options.Value.Auth.SessionTimeout;
        await Save(SessionList.Renew(_user, sessionId, expires, now) ?? throw Unknown());
        return expires;
    }

    public async Task Logout(string sessionId)
    {
        await Save(SessionList.Remove(_user, sessionId, time.GetUtcNow()));
        AccountInstruments.LoggedOut();
    }

    public async Task<AccountRow> Update(ProfileChange change, string? keepSessionId)
    {
        var row = await Row() ?? throw HiveMindException.NotFound("user", Id);
        if (change is { NewPassword: not null, CurrentPassword: { } current } && !await Matches(row, current))
            throw HiveMindException.Invalid("current_password", "The current password is wrong.");
        var next = row with
        {
            Email = change.Email ?? row.Email, DisplayName = change.DisplayName ?? row.DisplayName, Role = change.Role ?? row.Role,
            IsActive = change.IsActive ?? row.IsActive,
        };
        if (change.NewPassword is { } password)
        {
            var salt = PasswordHash.NewSalt();
            next = next with { Salt = salt, PasswordHash = await hashing.Run(() => PasswordHash.Compute(password, salt)) };
        }

        // Sessions end first: a crash in between leaves somebody logged out, never a session that outlives its password.
        if (!next.IsActive) await Save(new UserRecord());
        else if (change.NewPassword is not null) await Save(SessionList.KeepOnly(_user, keepSessionId, time.GetUtcNow()));
        await books.UpdateAccount(next, CancellationToken.None);
        _row = next;
        _rowReadAt = time.GetTimestamp();
        return next;
    }

    public Task<AccountRow?> GetAccount() => Row();

    private async Task<AccountRow?> Row()
    {
        if (_row is null || time.GetElapsedTime(_rowReadAt) >= RowAge)
        {
            _row = await books.FindAccount(Id, CancellationToken.None);
            _rowReadAt = time.GetTimestamp();
        }

        return _row;
    }

    private async Task<bool> Matches(AccountRow row, string password)
    {
        if (_verifier.Knows(password, row.PasswordHash)) return true;
        if (!await hashing.Run(() => PasswordHash.Matches(password, row.Salt, row.PasswordHash))) return false;
        _verifier.Remember(password, row.PasswordHash);
        return true;
    }

    private HiveMindException Unknown()
    {
        if (_row is null && _user.Sessions.Count == 0) DeactivateOnIdle(); // made-up ids must not fill memory
        return HiveMindException.Unauthenticated();
    }

    private async Task Save(UserRecord next)
    {
        Failpoint.Hit(Failpoints.SessionBeforeCommit);
        await state.Commit(next, this);
        _user = next;
        Failpoint.Hit(Failpoints.SessionAfterCommit);
    }

    [LoggerMessage(LogLevel.Information, "Login refused for user {UserId}")]
    private partial void LogRefused(string userId);
}

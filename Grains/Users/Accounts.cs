using System.Security.Cryptography;
using HiveMind.Auditing;
using HiveMind.Rewards;
using HiveMind.Storage;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace HiveMind.Users;

/// <summary>Makes accounts and checks passwords: gate, then hash, then one commit (the database's transaction, or the account's session).</summary>
public sealed partial class Accounts(
    IGrainFactory grains, IPoolDatabase database, IAccountStore logins, LoginGate gate, RegistrationAllowance allowance, PasswordChecks passwords, IAuditTally audit,
    IOptions<HubOptions> options, TimeProvider time, ILogger<Accounts> log) : IAccounts
{
    /// <summary>How long a password is good for that an admin made.</summary>
    public static readonly TimeSpan TemporaryPasswordAge = TimeSpan.FromHours(24);

    public async Task<AccountRow> Register(NewAccount account, CallOrigin origin, CancellationToken cancel)
    {
        var network = ClientNetwork.Of(origin.Address);
        var code = await CodeOf(account, network, cancel);
        if (UserNames.IsReserved(account.Username) && account.AdminCode.Length == 0 && !IsFor(code, account.Username))
            throw HiveMindException.Invalid("username", $"'{account.Username}' is reserved: choose another name.");
        if (await logins.FindLogin(account.Username, network, cancel) is { Account: not null })
        {
            gate.Admit(network); // names cannot be tried out faster than passwords
            throw HiveMindException.Taken("username", $"The user name '{account.Username}' is taken.");
        }

        var place = account.AdminCode.Length > 0 || code is not null ? null : allowance.Take(network);
        var attempt = gate.Admit(network);
        try
        {
            var (hash, salt) = await passwords.Make(account.Password, network, code is not null, cancel);
            var row = await Add(account, hash, salt, origin, cancel);
            attempt.IsNoFailure();
            AccountInstruments.Registered();
            return row;
        }
        catch (Exception e)
        {
            place?.GiveBack();
            if (e is not HiveMindException { Kind: FailureKind.AlreadyExists or FailureKind.PermissionDenied }) attempt.IsNoFailure();
            throw;
        }
    }

    public async Task<LoginResult> LogIn(string? username, string password, CallOrigin origin, CancellationToken cancel)
    {
        var network = ClientNetwork.Of(origin.Address);
        var (row, known) = username is null ? new KnownAccount(null, false) : await logins.FindLogin(username, network, cancel);
        var attempt = gate.Admit(username?.ToLowerInvariant() ?? $"?{network}", network, known);
        try
        {
            if (await passwords.IsRight(password, row, network, known, cancel) && row!.CanLogIn(time.GetUtcNow()))
            {
                var login = await grains.GetGrain<IUserGrain>(row.UserId).OpenSession(row.PasswordHash, origin);
                attempt.IsNoFailure();
                AccountInstruments.LoggedIn();
                return login;
            }
        }
        catch (HiveMindException changed) when (changed.Kind == FailureKind.Unauthenticated)
        {
            // between the check and the session: as if it had been wrong
        }
        catch
        {
            attempt.IsNoFailure(); // nobody looked at it
            throw;
        }

        LogRefused(row?.UserId ?? "unknown", origin.Address);
        AccountInstruments.LoginRefused();
        audit.Count(new(new Actor("anonymous", network), AuditActions.LoginRefused, row?.UserId ?? "unknown"));
        throw HiveMindException.Unauthenticated();
    }

    public async Task<AccountRow> Update(Caller caller, ProfileChange change, string? keepSessionId, CancellationToken cancel)
    {
        var network = ClientNetwork.Of(caller.Address);
        var result = new AccountChange { Email = change.Email, DisplayName = change.DisplayName, Role = change.Role, IsActive = change.IsActive };
        if (change.CurrentPassword is { } current) result = result with { VerifiedHash = await Verify(caller, current, network, cancel) };
        if (change.NewPassword is { } password)
        {
            var (hash, salt) = await passwords.Make(password, network, true, cancel);
            result = result with { PasswordHash = hash, Salt = salt };
        }

        return await grains.GetGrain<IUserGrain>(caller.UserId).Change(result, keepSessionId, Actor.Of(caller));
    }

    public async Task<string> ResetPassword(string userId, Actor by, CancellationToken cancel)
    {
        var password = RandomNumberGenerator.GetString("abcdefghjkmnpqrstuvwxyz23456789", 20); // nothing that looks like something else
        var (hash, salt) = await passwords.Make(password, ClientNetwork.Of(by.Address), true, cancel);
        await grains.GetGrain<IUserGrain>(userId).Change(
            new() { PasswordHash = hash, Salt = salt, TemporaryUntil = time.GetUtcNow() + TemporaryPasswordAge }, null, by);
        return password;
    }

    public async Task<Caller> OpenAccount(string userId, CancellationToken cancel)
    {
        var row = await database.FindAccount(userId, cancel);
        if (row is null)
        {
            row = new AccountRow
            {
                // ':' is in no registered name, '.invalid' in no registered address: nobody's name can be taken from here.
                UserId = userId, Username = $"open:{userId}", Email = $"{userId}@open.invalid", PasswordHash = PasswordHash.Locked, Salt = "",
                CreatedAt = time.GetUtcNow(),
            };
            try
            {
                await database.AddAccount(row, new(StartingMicros, new Actor(row.UserId)), cancel);
            }
            catch (HiveMindException taken) when (taken.Kind == FailureKind.AlreadyExists)
            {
                row = await database.FindAccount(userId, cancel) ?? row; // made by a call at the same time
            }
        }

        return row.IsActive ? new(row.UserId, row.Username, row.Role) : throw HiveMindException.Unauthenticated();
    }

    private long StartingMicros => (long)(options.Value.Rewards.StartingCredits * Credits.Micro);

    private static bool IsFor(RegistrationCode? code, string username) => string.Equals(code?.OnlyName, username, StringComparison.OrdinalIgnoreCase);

    /// <summary>The code that lets it in, where one is given or needed. Wrong ones are counted like wrong passwords.</summary>
    private async Task<RegistrationCode?> CodeOf(NewAccount account, string network, CancellationToken cancel)
    {
        if (account.AdminCode.Length > 0) return null; // the database look at it, in the transaction that uses it up
        var mode = options.Value.Auth.Registration;
        if (account.RegistrationCode.Length == 0)
        {
            return mode switch
            {
                RegistrationMode.Open => null,
                RegistrationMode.Code => throw HiveMindException.Denied("REGISTRATION_CODE_NEEDED",
                    "This hub makes accounts for those only who have a registration code: ask an admin for one and give it with the registration."),
                _ => throw Closed(),
            };
        }

        var attempt = gate.Admit(network);
        var code = await logins.FindCode(account.RegistrationCode, cancel);
        if (code is null || (code.OnlyName.Length > 0 && !IsFor(code, account.Username)))
            throw HiveMindException.Denied("REGISTRATION_CODE_WRONG", "That registration code is wrong, used up, expired or for another name: ask an admin for a new one.");
        attempt.IsNoFailure();
        return mode == RegistrationMode.Closed && code.OnlyName.Length == 0 ? throw Closed() : code;
    }

    private static HiveMindException Closed() => HiveMindException.Denied("REGISTRATION_CLOSED",
        "This hub makes no new accounts (Auth:Registration=Closed): ask an admin for a code made for your name.");

    private async Task<AccountRow> Add(NewAccount account, string hash, string salt, CallOrigin origin, CancellationToken cancel)
    {
        var row = new AccountRow
        {
            UserId = $"u-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8))}", Username = account.Username, Email = account.Email,
            DisplayName = account.DisplayName, PasswordHash = hash, Salt = salt, CreatedAt = time.GetUtcNow(),
            Role = account.AdminCode.Length > 0 ? Roles.Admin : Roles.User,
        };
        await database.AddAccount(row, new(StartingMicros, new Actor(row.UserId, origin.Address), account.AdminCode, account.RegistrationCode), cancel);
        return row;
    }

    /// <summary>The hash that the current password is right for. Who has the session has it, but may not try out passwords with it.</summary>
    private async Task<string> Verify(Caller caller, string password, string network, CancellationToken cancel)
    {
        var row = await database.FindAccount(caller.UserId, cancel) ?? throw HiveMindException.NotFound("user", caller.UserId);
        var attempt = gate.Admit(row.Username.ToLowerInvariant(), network, known: true);
        try
        {
            if (await passwords.IsRight(password, row, network, true, cancel))
            {
                attempt.IsNoFailure();
                return row.PasswordHash;
            }
        }
        catch
        {
            attempt.IsNoFailure();
            throw;
        }

        audit.Count(new(Actor.Of(caller), AuditActions.LoginRefused, caller.UserId));
        throw HiveMindException.Invalid("current_password", "The current password is wrong.");
    }

    [LoggerMessage(LogLevel.Information, "Login refused for user {UserId} from {Address}")]
    private partial void LogRefused(string userId, string address);
}

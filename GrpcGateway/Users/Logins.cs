using HiveMind.Auditing;
using HiveMind.Edge;
using HiveMind.Storage;

namespace HiveMind.Users;

/// <summary>The gateway's login for other doors than gRPC.</summary>
internal sealed class Logins(
    IGrainFactory grains, IAccounts accounts, IPoolDatabase database, ISessionCheck sessions, PasswordLogin password, CallRates rates, HubOptions options) : ILogins
{
    public async Task<OpenedSession> LogIn(string username, string secret, CallOrigin origin, CancellationToken cancel)
    {
        rates.Take(CallRates.ForAddress(origin.Address));
        var login = await password.LogIn(username, secret, origin with { Client = CallAddress.Plain(origin.Client) }, cancel);
        return new(login.SessionToken, login.ExpiresAt, new(login.Account.UserId, login.Account.Username, login.Account.Role));
    }

    public Task<Caller> Check(string token) =>
        Read(token) is { } session ? sessions.Check(session) : Task.FromException<Caller>(HiveMindException.Unauthenticated());

    public async Task LogOut(string token, string address)
    {
        if (Read(token) is not { } session) return;
        try
        {
            await sessions.Check(session); // who only knows a session's name may not end it
        }
        catch (HiveMindException over) when (over.Kind == FailureKind.Unauthenticated)
        {
            return;
        }

        await grains.GetGrain<IUserGrain>(session.Subject).Logout(session.SessionId, new Actor(session.Subject, address));
    }

    public async Task<Caller?> WithoutLogin(CancellationToken cancel) => options.Auth.Mode == AuthMode.Open
        ? await accounts.OpenAccount(ActingAccounts.LocalAccount, cancel) with { Role = Roles.User }
        : null;

    private SessionToken? Read(string token) =>
        SessionToken.TryParse(token, database.TokenTagKey) is { Prefix: SessionToken.SessionPrefix } session ? session : null;
}

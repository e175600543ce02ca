namespace HiveMind.Users;

/// <summary>Logging in and out for what is not gRPC but stands beside it, such as the web page: the same rules, rate and one text for every failure.</summary>
public interface ILogins
{
    /// <summary>Opens a session. Unauthenticated for any wrong name or password; ResourceExhausted above the rate of that address or after too many failures.</summary>
    Task<OpenedSession> LogIn(string username, string password, CallOrigin origin, CancellationToken cancel);
    /// <summary>Whose session this token is. Unauthenticated when it is garbage, expired or revoked.</summary>
    Task<Caller> Check(string token);
    /// <summary>Ends the session; one that has ended already is no failure.</summary>
    Task LogOut(string token, string address);
    /// <summary>Open mode: who acts without a login, the account `local`. Null in locked mode.</summary>
    Task<Caller?> WithoutLogin(CancellationToken cancel);
}

using HiveMind.Edge;

namespace HiveMind.Users;

/// <summary>The one way from name and password to a session, for every door.</summary>
internal sealed class PasswordLogin(IAccounts accounts)
{
    /// <summary>Nothing that cannot be right costs less time than what can.</summary>
    public Task<LoginResult> LogIn(string username, string password, CallOrigin origin, CancellationToken cancel)
    {
        var plausible = UserRules.IsUsername(username) && password.Length <= UserRules.PasswordUnits;
        return accounts.LogIn(plausible ? username : null, Text.Cut(password, UserRules.PasswordUnits), origin, cancel);
    }
}

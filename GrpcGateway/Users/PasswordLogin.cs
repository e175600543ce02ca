using HiveMind.Edge;

namespace HiveMind.Users;

/// <summary>The one way from name and password to a session, for every door.</summary>
internal sealed class PasswordLogin(IGrainFactory grains, IAccounts accounts)
{
    /// <summary>Nothing that cannot be right costs less time than what can.</summary>
    public async Task<LoginResult> LogIn(string username, string password, CancellationToken cancel)
    {
        var plausible = UserRules.IsUsername(username) && password.Length <= UserRules.PasswordMax;
        var userId = plausible ? await accounts.FindUserId(username, cancel) : null;
        if (userId is not null) return await grains.GetGrain<IUserGrain>(userId).Login(password);
        await accounts.PretendCheck(Text.Cut(password, UserRules.PasswordMax), cancel);
        throw HiveMindException.Unauthenticated();
    }
}

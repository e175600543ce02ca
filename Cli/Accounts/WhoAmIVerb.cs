using System.CommandLine;
using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>`whoami`: the account behind the session, and its balance.</summary>
internal sealed class WhoAmIVerb(Terminal terminal) : Verb("whoami", "Show your account and balance.", terminal)
{
    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        using var hub = await Connect(parsed, stop);
        var user = (await hub.Users.GetUserInfoAsync(new GetUserInfoRequest(), cancellationToken: stop)).User;
        var lines = new[]
        {
            $"user     {user.Username} ({user.Role})",
            $"id       {user.UserId}",
            $"e-mail   {user.Email}",
            $"balance  {Words.Credits(user.BalanceCredits)} credits",
            $"held     {Words.Credits(user.HeldCredits)} for your open tasks, {Words.Credits(user.FreeCredits)} free",
            $"hub      {HubAddress.Key(hub.Address)}",
        };
        Terminal.Result(string.Join('\n', lines.Select(Words.Line)), new
        {
            user.UserId, user.Username, user.Email, user.DisplayName, user.Role, user.IsActive, user.BalanceCredits, user.HeldCredits, user.FreeCredits,
            user.CreatedAt, user.LastLogin, Hub = HubAddress.Key(hub.Address),
        });
        return ExitCodes.Ok;
    }
}

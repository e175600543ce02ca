using System.CommandLine;
using Grpc.Core;
using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>`logout`: ends the session at the hub and forgets it here.</summary>
internal sealed class LogoutVerb(Terminal terminal) : Verb("logout", "Log out.", terminal)
{
    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        var sessions = new SessionFile(UserFolders.Config);
        using var hub = HubClient.WithSession(HubOf(parsed), sessions, TimeProvider.System);
        if (hub.Session is null)
        {
            throw new CliException(ExitCodes.NotLoggedIn, $"Nobody is logged in at {HubAddress.Key(hub.Address)}.", "UNAUTHENTICATED");
        }

        try
        {
            await hub.Users.LogoutUserAsync(new LogoutUserRequest(), cancellationToken: stop);
        }
        catch (RpcException over) when (over.StatusCode == StatusCode.Unauthenticated)
        {
            // Already over at the hub: forgetting it here is all that is left.
        }

        sessions.Remove(hub.Address);
        Terminal.Result($"{hub.Session.Username} is logged out.", new { hub.Session.Username, LoggedOut = true });
        return ExitCodes.Ok;
    }
}

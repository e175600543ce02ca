using System.CommandLine;
using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>`password`: sets a new one; every other session ends.</summary>
internal sealed class PasswordVerb : Verb
{
    private readonly Option<bool> passwordStdin =
        new("--password-stdin") { Description = "Read the current password and the new one from standard input, a line each." };

    public PasswordVerb(Terminal terminal) : base("password", "Set a new password; your other sessions end.", terminal) => Add(passwordStdin);

    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        var fromInput = parsed.GetValue(passwordStdin);
        using var hub = await Connect(parsed, stop);
        var request = new UpdateUserProfileRequest
        {
            CurrentPassword = Passwords.Get(Terminal, fromInput, isNew: false, "Current password"),
            NewPassword = Passwords.Get(Terminal, fromInput, isNew: true, "New password"),
        };
        var user = (await hub.Users.UpdateUserProfileAsync(request, cancellationToken: stop)).User;
        Terminal.Result($"{user.Username} has a new password.", new { user.UserId, user.Username, Changed = true });
        return ExitCodes.Ok;
    }
}

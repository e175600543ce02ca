using System.CommandLine;

namespace HiveMind.Cli;

/// <summary>`login`: opens a session and keeps it for the verbs that follow.</summary>
internal sealed class LoginVerb : Verb
{
    private readonly Argument<string?> username = new("USERNAME") { Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<bool> passwordStdin = new("--password-stdin") { Description = "Read the password from standard input." };

    public LoginVerb(Terminal terminal) : base("login", "Log in.", terminal)
    {
        Add(username);
        Add(passwordStdin);
    }

    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        var name = parsed.GetValue(username) ?? Terminal.Ask("User name");
        var password = Passwords.Get(Terminal, parsed.GetValue(passwordStdin), isNew: false);
        using var hub = HubClient.Anonymous(HubOf(parsed));
        var session = await Login.At(hub, name, password, stop);
        new KnownHubs(UserFolders.Config).Remember(hub.Address);
        new SessionFile(UserFolders.Config).Write(hub.Address, session);
        Terminal.Result(session.UserId, new { session.UserId, session.Username, session.Role, session.ExpiresAt, session.MustChangePassword });
        Terminal.Hint($"Logged in as {session.Username} ({session.Role}). Next: {Next(parsed, session.MustChangePassword ? "password" : "whoami")}");
        if (session.MustChangePassword) Terminal.Hint("An admin made your password: set a new one before anything else.");
        return ExitCodes.Ok;
    }
}

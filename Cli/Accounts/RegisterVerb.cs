using System.CommandLine;
using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>`register`: makes an account and logs in with it.</summary>
internal sealed class RegisterVerb : Verb
{
    private readonly Argument<string?> username =
        new("USERNAME") { Description = "3 to 32 of A-Z a-z 0-9 _ . -", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<string?> email = new("--email") { Description = "E-mail address.", HelpName = "ADDRESS" };
    private readonly Option<string?> displayName = new("--display-name") { Description = "Name that others see.", HelpName = "NAME" };
    private readonly Option<bool> passwordStdin = new("--password-stdin") { Description = "Read the password from standard input." };
    private readonly Option<string?> codeFile =
        new("--code-file") { Description = "File with the registration code that an admin gave you.", HelpName = "FILE" };
    private readonly Option<string?> adminCodeFile =
        new("--admin-code-file") { Description = "File with the hub's one-time admin code.", HelpName = "FILE" };

    public RegisterVerb(Terminal terminal) : base("register", "Make an account and log in.", terminal)
    {
        Add(username);
        Add(email);
        Add(displayName);
        Add(passwordStdin);
        Add(codeFile);
        Add(adminCodeFile);
    }

    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        var request = new RegisterUserRequest
        {
            AdminCode = await CodeIn(parsed.GetValue(adminCodeFile), stop),
            RegistrationCode = await CodeIn(parsed.GetValue(codeFile), stop),
            Username = parsed.GetValue(username) ?? Terminal.Ask("User name"),
            Email = parsed.GetValue(email) ?? Terminal.Ask("E-mail (--email)"),
            DisplayName = parsed.GetValue(displayName) ?? "",
        };
        request.Password = Passwords.Get(Terminal, parsed.GetValue(passwordStdin), isNew: true);

        using var hub = HubClient.Anonymous(HubOf(parsed));
        var made = await hub.Users.RegisterUserAsync(request, cancellationToken: stop);
        var session = await Login.At(hub, request.Username, request.Password, stop);
        new KnownHubs(UserFolders.Config).Remember(hub.Address);
        new SessionFile(UserFolders.Config).Write(hub.Address, session);

        Terminal.Result(made.UserId, new { made.UserId, request.Username, made.Role, session.ExpiresAt });
        Terminal.Hint($"Welcome, {request.Username} ({made.Role}); you are logged in. Next:");
        Terminal.Hint($"  {Next(parsed, "submit -c 'print(6*7)' --wait")}");
        Terminal.Hint($"  {Next(parsed, "worker")}   lends this machine");
        return ExitCodes.Ok;
    }

    private static async Task<string> CodeIn(string? file, CancellationToken stop) => file is null ? "" : (await File.ReadAllTextAsync(file, stop)).Trim();
}

using System.CommandLine;

namespace HiveMind.Cli;

/// <summary>`admin …`: what an admin does for the pool's accounts.</summary>
internal sealed class AdminCommand : Command
{
    public const string Word = "admin";

    public AdminCommand(Terminal terminal) : base(Word, "Accounts, credits, codes and the audit log (admins).")
    {
        foreach (var verb in new Verb[]
        {
            new AdminUsersVerb(terminal), new AdminUserVerb(terminal), new AdminRoleVerb(terminal), new AdminActiveVerb(terminal, true), new AdminActiveVerb(terminal, false),
            new AdminResetPasswordVerb(terminal), new AdminEndSessionsVerb(terminal), new AdminCreditsVerb(terminal), new AdminCodeMakeVerb(terminal),
            new AdminCodesVerb(terminal), new AdminCodeRevokeVerb(terminal), new AdminAuditVerb(terminal),
        }) Add(verb);
    }
}

/// <summary>What the verbs about one account share.</summary>
internal abstract class OneUserVerb : Verb
{
    private readonly Argument<string> user = new("USER") { Description = "User name or id." };

    protected OneUserVerb(string name, string description, Terminal terminal) : base(name, description, terminal) => Add(user);

    protected string UserOf(ParseResult parsed) => parsed.GetRequiredValue(user);
}

using System.CommandLine;
using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>`admin user`: one account and its sessions.</summary>
internal sealed class AdminUserVerb(Terminal terminal) : OneUserVerb("user", "Show one account and its sessions.", terminal)
{
    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        using var hub = await Connect(parsed, stop);
        var answer = await hub.Admin.GetUserAsync(new GetUserRequest { User = UserOf(parsed) }, cancellationToken: stop);
        var user = answer.User;
        var lines = new List<string>
        {
            $"user        {user.Username} ({user.Role}, {AdminUsersVerb.StateOf(user)})", $"id          {user.UserId}", $"e-mail      {user.Email}",
            $"balance     {Words.Credits(user.BalanceCredits)} credits", $"made        {user.CreatedAt}", $"last login  {Words.OrDash(user.LastLogin)}",
            $"sessions    {answer.Sessions.Count}",
        };
        if (user.MustChangePassword) lines.Add("password    made by an admin, must be changed");
        Terminal.Result(string.Join('\n', lines.Select(Words.Line)), new { User = AdminUsersVerb.Shape(user), Sessions = answer.Sessions.Select(SessionsVerb.Shape) });
        return ExitCodes.Ok;
    }
}

/// <summary>`admin role`: makes an admin, or an admin an ordinary user.</summary>
internal sealed class AdminRoleVerb : OneUserVerb
{
    private readonly Argument<string> role = new("ROLE") { Description = "user or admin" };

    public AdminRoleVerb(Terminal terminal) : base("role", "Set an account's role.", terminal) => Add(role);

    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        using var hub = await Connect(parsed, stop);
        var request = new SetUserRoleRequest { User = UserOf(parsed), Role = parsed.GetRequiredValue(role) };
        var answer = await hub.Admin.SetUserRoleAsync(request, cancellationToken: stop);
        Terminal.Result(answer.Message, AdminUsersVerb.Shape(answer.User));
        return ExitCodes.Ok;
    }
}

/// <summary>`admin activate` and `admin deactivate`.</summary>
internal sealed class AdminActiveVerb(Terminal terminal, bool active) : OneUserVerb(
    active ? "activate" : "deactivate", active ? "Let an account in again." : "Shut an account out: its sessions, tasks, uploads and nodes end.", terminal)
{
    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        using var hub = await Connect(parsed, stop);
        var answer = await hub.Admin.SetUserActiveAsync(new SetUserActiveRequest { User = UserOf(parsed), Active = active }, cancellationToken: stop);
        Terminal.Result(answer.Message, AdminUsersVerb.Shape(answer.User));
        return ExitCodes.Ok;
    }
}

/// <summary>`admin reset-password`: a password for a day that must be changed.</summary>
internal sealed class AdminResetPasswordVerb(Terminal terminal) : OneUserVerb(
    "reset-password", "Make a password that is good for a day and must be changed.", terminal)
{
    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        using var hub = await Connect(parsed, stop);
        var answer = await hub.Admin.ResetPasswordAsync(new ResetPasswordRequest { User = UserOf(parsed) }, cancellationToken: stop);
        Terminal.Result(answer.TemporaryPassword, new { answer.TemporaryPassword, answer.ExpiresAt });
        Terminal.Hint($"Shown once, good until {answer.ExpiresAt}. They log in with it and then: {Next(parsed, "password")}");
        return ExitCodes.Ok;
    }
}

/// <summary>`admin end-sessions`: logs an account out everywhere.</summary>
internal sealed class AdminEndSessionsVerb(Terminal terminal) : OneUserVerb("end-sessions", "Log an account out everywhere.", terminal)
{
    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        using var hub = await Connect(parsed, stop);
        var answer = await hub.Admin.EndSessionsAsync(new EndSessionsRequest { User = UserOf(parsed) }, cancellationToken: stop);
        Terminal.Result(answer.Message, new { answer.Ended });
        return ExitCodes.Ok;
    }
}

/// <summary>`admin credits`: gives or takes.</summary>
internal sealed class AdminCreditsVerb : OneUserVerb
{
    private readonly Argument<double> amount = new("CREDITS") { Description = "How many, to a millionth." };
    private readonly Option<bool> take = new("--take") { Description = "Take them instead; never more than there are." };
    private readonly Option<string> reason = new("--reason") { Description = "For the audit log.", HelpName = "TEXT", Required = true };
    private readonly Option<string?> requestId = new("--request-id") { Description = "The same again changes nothing more.", HelpName = "ID" };

    public AdminCreditsVerb(Terminal terminal) : base("credits", "Give an account credits, or take some.", terminal)
    {
        Add(amount);
        foreach (var option in new Option[] { take, reason, requestId }) Add(option);
    }

    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        var asked = parsed.GetRequiredValue(amount);
        if (!(asked > 0)) throw CliException.Usage("CREDITS: more than 0; to take some say --take.");
        using var hub = await Connect(parsed, stop);
        var request = new AdjustCreditsRequest
        {
            User = UserOf(parsed), Credits = parsed.GetValue(take) ? -asked : asked, Reason = parsed.GetRequiredValue(reason),
            RequestId = parsed.GetValue(requestId) ?? Guid.NewGuid().ToString("N"),
        };
        var answer = await hub.Admin.AdjustCreditsAsync(request, cancellationToken: stop);
        Terminal.Result($"{request.User} has {Words.Credits(answer.BalanceCredits)} credits now.", new { answer.BalanceCredits });
        return ExitCodes.Ok;
    }
}

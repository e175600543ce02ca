using System.CommandLine;
using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>`admin users`: lists and searches accounts.</summary>
internal sealed class AdminUsersVerb : Verb
{
    private const int Usual = 50, LargestPage = 500;

    private readonly Argument<string?> text =
        new("TEXT") { Description = "A part of user name, e-mail or display name, or an id.", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<string?> role = new("--role") { Description = "Only user or admin.", HelpName = "WORD" };
    private readonly Option<string?> state = new("--state") { Description = "Only active or inactive.", HelpName = "WORD" };
    private readonly Option<int> limit = new("--limit") { Description = $"At most so many ({Usual}).", HelpName = "N", DefaultValueFactory = _ => Usual };
    private readonly Option<string?> page = new("--page") { Description = "Go on where an earlier answer ended (its next_page_token).", HelpName = "TOKEN" };

    public AdminUsersVerb(Terminal terminal) : base("users", "List and search accounts.", terminal)
    {
        Add(text);
        foreach (var option in new Option[] { role, state, limit, page }) Add(option);
    }

    /// <summary>An account as scripts read it. Names are a promise: append only.</summary>
    public static object Shape(UserInfo user) => new
    {
        user.UserId, user.Username, user.Email, user.DisplayName, user.Role, user.IsActive, user.BalanceCredits, user.CreatedAt, user.LastLogin,
        user.MustChangePassword,
    };

    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        var most = parsed.GetValue(limit);
        if (most < 1) throw CliException.Usage("--limit: at least 1.");
        using var hub = await Connect(parsed, stop);
        var request = new ListUsersRequest
        {
            Text = parsed.GetValue(text) ?? "", Role = parsed.GetValue(role) ?? "", State = parsed.GetValue(state) ?? "", PageToken = parsed.GetValue(page) ?? "",
        };
        var users = new List<UserInfo>();
        do
        {
            request.PageSize = Math.Min(LargestPage, most - users.Count);
            var answer = await hub.Admin.ListUsersAsync(request, cancellationToken: stop);
            users.AddRange(answer.Users);
            request.PageToken = answer.NextPageToken;
        }
        while (users.Count < most && request.PageToken.Length > 0);

        var table = new TextTable("user", "id", "e-mail", "role", "state", "credits", "last login");
        foreach (var user in users)
            table.Add(user.Username, user.UserId, user.Email, user.Role, StateOf(user), Words.Credits(user.BalanceCredits), Words.OrDash(user.LastLogin));
        table.Show(Terminal, new { Users = users.Select(Shape), NextPageToken = request.PageToken });
        if (request.PageToken.Length > 0) Terminal.Hint($"More: {Next(parsed, $"admin users --page {request.PageToken}")}");
        return ExitCodes.Ok;
    }

    public static string StateOf(UserInfo user) => user.IsActive ? "active" : "inactive";
}

using System.CommandLine;
using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>`sessions`: where the account is logged in.</summary>
internal sealed class SessionsVerb(Terminal terminal) : Verb("sessions", "List where you are logged in.", terminal)
{
    /// <summary>A session as scripts read it. Names are a promise: append only.</summary>
    public static object Shape(SessionInfo session) =>
        new { session.SessionId, session.CreatedAt, session.LastUsedAt, session.ExpiresAt, session.Address, session.Client, session.Current };

    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        using var hub = await Connect(parsed, stop);
        var sessions = (await hub.Users.ListSessionsAsync(new ListSessionsRequest(), cancellationToken: stop)).Sessions;
        var table = new TextTable("session", "logged in", "last used", "ends", "from", "with", "");
        foreach (var session in sessions)
        {
            table.Add(session.SessionId, session.CreatedAt, session.LastUsedAt, session.ExpiresAt, Words.OrDash(session.Address), Words.OrDash(session.Client),
                session.Current ? "this one" : "");
        }

        table.Show(Terminal, new { Sessions = sessions.Select(Shape) });
        Terminal.Hint($"End the others: {Next(parsed, "session-end --others")}");
        return ExitCodes.Ok;
    }
}

/// <summary>`session-end`: logs out elsewhere.</summary>
internal sealed class SessionEndVerb : Verb
{
    private readonly Argument<string[]> ids = new("SESSION") { Description = "As `sessions` shows it.", Arity = ArgumentArity.ZeroOrMore };
    private readonly Option<bool> others = new("--others") { Description = "All but this one." };

    public SessionEndVerb(Terminal terminal) : base("session-end", "End sessions of yours elsewhere.", terminal)
    {
        Add(ids);
        Add(others);
    }

    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        var named = parsed.GetValue(ids) ?? [];
        if (named.Length > 0 == parsed.GetValue(others)) throw CliException.Usage("Name the sessions to end, or say --others.");
        using var hub = await Connect(parsed, stop);
        var request = new RevokeSessionsRequest();
        request.SessionIds.AddRange(named);
        var answer = await hub.Users.RevokeSessionsAsync(request, cancellationToken: stop);
        Terminal.Result(answer.Message, new { answer.Ended });
        return ExitCodes.Ok;
    }
}

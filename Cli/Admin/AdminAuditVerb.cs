using System.CommandLine;
using System.Globalization;
using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>`admin audit`: who did what, from where.</summary>
internal sealed class AdminAuditVerb : Verb
{
    private const int Usual = 50, LargestPage = 500;

    private readonly Option<string?> actor = new("--actor") { Description = "Only what that account (id), node, hub, operator or anonymous did.", HelpName = "ID" };
    private readonly Option<string?> subject = new("--subject") { Description = "Only what was done to that account (id), node or code.", HelpName = "ID" };
    private readonly Option<string?> action = new("--action") { Description = "Only that action.", HelpName = "WORDS" };
    private readonly Option<string?> since =
        new("--since") { Description = "Only since then: a time ago, like 2h, or a moment, like 2026-11-25T18:00:00Z.", HelpName = "TIME" };
    private readonly Option<int> limit = new("--limit") { Description = $"At most so many ({Usual}).", HelpName = "N", DefaultValueFactory = _ => Usual };
    private readonly Option<string?> page = new("--page") { Description = "Go on where an earlier answer ended (its next_page_token).", HelpName = "TOKEN" };

    public AdminAuditVerb(Terminal terminal) : base("audit", "Show the audit log, newest first.", terminal)
    {
        foreach (var option in new Option[] { actor, subject, action, since, limit, page }) Add(option);
    }

    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        var most = parsed.GetValue(limit);
        if (most < 1) throw CliException.Usage("--limit: at least 1.");
        var request = new ListAuditRequest
        {
            Actor = parsed.GetValue(actor) ?? "", Subject = parsed.GetValue(subject) ?? "", Action = parsed.GetValue(action) ?? "",
            Since = parsed.GetValue(since) is { } asked ? Times.Moment(asked, TimeProvider.System) : "", PageToken = parsed.GetValue(page) ?? "",
        };
        using var hub = await Connect(parsed, stop);
        var entries = new List<AuditEntry>();
        do
        {
            request.PageSize = Math.Min(LargestPage, most - entries.Count);
            var answer = await hub.Admin.ListAuditAsync(request, cancellationToken: stop);
            entries.AddRange(answer.Entries);
            request.PageToken = answer.NextPageToken;
        }
        while (entries.Count < most && request.PageToken.Length > 0);

        var table = new TextTable("at", "actor", "address", "action", "subject", "before", "after", "times");
        foreach (var entry in entries)
        {
            table.Add(entry.At, entry.Actor, Words.OrDash(entry.Address), entry.Action, entry.Subject, Words.OrDash(entry.Before), Words.OrDash(entry.After),
                entry.Times.ToString(CultureInfo.InvariantCulture));
        }

        table.Show(Terminal, new
        {
            Entries = entries.Select(e => new { e.AuditId, e.At, e.Actor, e.Address, e.Action, e.Subject, e.Before, e.After, e.Times }),
            NextPageToken = request.PageToken,
        });
        if (request.PageToken.Length > 0) Terminal.Hint($"More: {Next(parsed, $"admin audit --page {request.PageToken}")}");
        return ExitCodes.Ok;
    }
}

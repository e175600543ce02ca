using System.CommandLine;
using System.Globalization;
using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>`tasks`: the caller's tasks, newest first.</summary>
internal sealed class TasksVerb : Verb
{
    private const int Usual = 50, LargestPage = 500;
    private static readonly TaskState[] States = [.. Enum.GetValues<TaskState>().Where(state => state != TaskState.Unspecified)];

    private readonly Option<string[]> state = new("--state")
    {
        Description = $"Only these: {string.Join(", ", States.Select(TaskShapes.StateWord))}.", HelpName = "WORD", AllowMultipleArgumentsPerToken = true,
    };
    private readonly Option<string?> type = new("--type") { Description = "Only tasks of that type.", HelpName = "TYPE" };
    private readonly Option<string?> since =
        new("--since") { Description = "Only created since then: a time ago, like 2h, or a moment, like 2026-11-25T18:00:00Z.", HelpName = "TIME" };
    private readonly Option<bool> allUsers = new("--all-users") { Description = "Everybody's (admins)." };
    private readonly Option<int> limit = new("--limit") { Description = $"At most so many ({Usual}).", HelpName = "N", DefaultValueFactory = _ => Usual };
    private readonly Option<string?> page = new("--page") { Description = "Go on where an earlier answer ended (its next_page_token).", HelpName = "TOKEN" };

    public TasksVerb(Terminal terminal) : base("tasks", "List your tasks, newest first.", terminal)
    {
        state.CompletionSources.Add([.. States.Select(TaskShapes.StateWord)]);
        foreach (var option in new Option[] { state, type, since, allUsers, limit, page }) Add(option);
    }

    /// <summary>What a command line asks for. A time ago becomes a moment, so that the next page asks the same.</summary>
    public ListTasksRequest Request(ParseResult parsed, TimeProvider time)
    {
        var request = new ListTasksRequest
        {
            UserId = parsed.GetValue(allUsers) ? "*" : "", TaskType = parsed.GetValue(type) ?? "", PageToken = parsed.GetValue(page) ?? "",
            CreatedAfter = parsed.GetValue(since) is { } asked ? Times.Moment(asked, time) : "",
        };
        request.States.AddRange((parsed.GetValue(state) ?? []).SelectMany(words => words.Split(',')).Select(StateOf));
        return request;
    }

    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        var most = parsed.GetValue(limit);
        if (most < 1) throw CliException.Usage("--limit: at least 1.");
        var request = Request(parsed, TimeProvider.System);
        using var hub = await Connect(parsed, stop);
        var tasks = new List<TaskSummary>();
        do
        {
            request.PageSize = Math.Min(LargestPage, most - tasks.Count);
            var answer = await hub.Tasks.ListTasksAsync(request, cancellationToken: stop);
            tasks.AddRange(answer.Tasks);
            request.PageToken = answer.NextPageToken; // a page may come short where a filter shows little
        }
        while (tasks.Count < most && request.PageToken.Length > 0);

        Table(tasks, parsed.GetValue(allUsers)).Show(Terminal, new { Tasks = tasks.Select(TaskShapes.Summary), NextPageToken = request.PageToken });
        Say(parsed, request, tasks);
        return ExitCodes.Ok;
    }

    private static TextTable Table(List<TaskSummary> tasks, bool withUser)
    {
        string[] columns = ["task", "state", "type", "created", "node", "attempts", "cost", "reason"];
        var table = new TextTable(withUser ? [.. columns, "user"] : columns);
        foreach (var task in tasks)
        {
            string[] cells =
            [
                task.TaskId, TaskShapes.StateWord(task.State), task.TaskType, task.CreatedAt, Words.OrDash(task.AssignedNode),
                task.Attempts.ToString(CultureInfo.InvariantCulture), Words.Credits(task.CostCredits), Words.OrDash(task.Reason),
            ];
            table.Add(withUser ? [.. cells, task.UserId] : cells);
        }

        return table;
    }

    private void Say(ParseResult parsed, ListTasksRequest request, List<TaskSummary> tasks)
    {
        if (request.PageToken.Length > 0)
            Terminal.Hint($"More: {Next(parsed, Repeat(request, parsed.GetValue(limit)))}");
        else if (tasks.Count == 0)
            Terminal.Hint($"None. Submit one: {Next(parsed, "submit -c 'print(6*7)' --wait")}");
        if (tasks.Count > 0) Terminal.Hint($"Next: {Next(parsed, $"status {tasks[0].TaskId}")}");
    }

    /// <summary>The same question for the next page.</summary>
    private static string Repeat(ListTasksRequest request, int most)
    {
        var words = new List<string> { "tasks" };
        if (request.States.Count > 0) words.Add($"--state {string.Join(' ', request.States.Select(TaskShapes.StateWord))}");
        if (request.TaskType.Length > 0) words.Add($"--type {request.TaskType}");
        if (request.CreatedAfter.Length > 0) words.Add($"--since {request.CreatedAfter}");
        if (request.UserId.Length > 0) words.Add("--all-users");
        if (most != Usual) words.Add($"--limit {most}");
        words.Add($"--page {request.PageToken}");
        return string.Join(' ', words);
    }

    private static TaskState StateOf(string word)
    {
        var known = Array.Find(States, state => TaskShapes.StateWord(state) == word.Trim().ToLowerInvariant());
        return known != TaskState.Unspecified ? known
            : throw CliException.Usage($"--state: '{word}' is none of {string.Join(", ", States.Select(TaskShapes.StateWord))}.");
    }
}

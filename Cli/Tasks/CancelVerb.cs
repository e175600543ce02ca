using System.CommandLine;
using Grpc.Core;
using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>`cancel`: ends tasks that wait or run: those that are named, those of a filter, or all.</summary>
internal sealed class CancelVerb : Verb
{
    private static readonly string[] StateWords = ["pending", "running"];

    private readonly Argument<string[]> taskIds = new("TASK...") { Description = "Their ids; or, instead, a filter.", Arity = ArgumentArity.ZeroOrMore };
    private readonly Option<string[]> state = new("--state")
    {
        Description = "All of yours that are: pending, running (those that a machine has), or both.", HelpName = "WORD", AllowMultipleArgumentsPerToken = true,
    };
    private readonly Option<string?> type = new("--type") { Description = "All of yours of that type.", HelpName = "TYPE" };
    private readonly Option<bool> all = new("--all") { Description = "All of yours that wait or run; asks, unless --yes." };
    private readonly Option<bool> yes = new("--yes", "-y") { Description = "Do not ask." };

    public CancelVerb(Terminal terminal) : base("cancel", "Cancel tasks that wait or run.", terminal)
    {
        state.CompletionSources.Add(StateWords);
        Add(taskIds);
        foreach (var option in new Option[] { state, type, all, yes }) Add(option);
    }

    /// <summary>What a command line asks for: ids, a filter or all, and only one of them.</summary>
    public CancelWish Wish(ParseResult parsed)
    {
        var wish = new CancelWish(
            [.. (parsed.GetValue(taskIds) ?? []).Distinct(StringComparer.Ordinal)],
            [.. (parsed.GetValue(state) ?? []).SelectMany(words => words.Split(',')).SelectMany(StatesOf).Distinct()], parsed.GetValue(type) ?? "", parsed.GetValue(all));
        var isFilter = wish.States.Count > 0 || wish.Type.Length > 0;
        var ways = (wish.Ids.Count > 0 ? 1 : 0) + (isFilter ? 1 : 0) + (wish.All ? 1 : 0);
        return ways == 1 ? wish : throw CliException.Usage(ways == 0
            ? $"Which tasks? Name them, or --state {string.Join('|', StateWords)}, --type TYPE or --all. Your tasks: {Next(parsed, "tasks")}"
            : "Either ids, or a filter of --state and --type, or --all: not two of them.");
    }

    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        var wish = Wish(parsed);
        if (wish.All && !parsed.GetValue(yes))
        {
            Confirm();
        }

        using var hub = await Connect(parsed, stop);
        return wish.Ids.Count == 1 ? await One(hub, wish.Ids[0], stop) : await Many(hub, wish, stop);
    }

    private async Task<int> One(HubClient hub, string id, CancellationToken stop)
    {
        await hub.Tasks.CancelTaskAsync(new CancelTaskRequest { TaskId = id }, cancellationToken: stop);
        Terminal.Result($"Task {id} is cancelled.", new { TaskId = id, Cancelled = true, TasksCancelled = 1, TasksEndedBefore = 0, TasksNotFound = 0, TasksNotRecorded = 0 });
        return ExitCodes.Ok;
    }

    private async Task<int> Many(HubClient hub, CancelWish wish, CancellationToken stop)
    {
        var many = new ManyCancel(hub, TimeProvider.System, count => Terminal.Status($"{count.Cancelled} cancelled so far"));
        CancelCount count;
        try
        {
            count = await many.Run(wish, stop);
        }
        catch (RpcException old) when (old.StatusCode == StatusCode.Unimplemented)
        {
            throw new CliException(ExitCodes.Usage, "This hub is older than this command and cancels one task a call: cancel TASK.", "UNIMPLEMENTED");
        }
        catch (Exception broken) when (broken is RpcException or OperationCanceledException && many.SoFar.Cancelled > 0)
        {
            Terminal.EndStatus();
            Terminal.Hint($"{many.SoFar.Sentence} Then it broke off; the same command again does the rest.");
            throw;
        }

        var isDone = count.NotRecorded == 0 && (wish.Ids.Count == 0 || count is { EndedBefore: 0, NotFound: 0 });
        Terminal.EndStatus();
        Terminal.Result(count.Sentence, new
        {
            Cancelled = isDone, TasksCancelled = count.Cancelled, TasksEndedBefore = count.EndedBefore, TasksNotFound = count.NotFound, TasksNotRecorded = count.NotRecorded,
        });
        return isDone ? ExitCodes.Ok : ExitCodes.TaskFailed;
    }

    private void Confirm()
    {
        if (Terminal.Json || !Terminal.CanAsk)
        {
            throw CliException.Usage("--all cancels every task of yours that waits or runs: say --yes as well.");
        }

        if (Terminal.Ask("Cancel every task of yours that waits or runs? yes or no").ToLowerInvariant() is not ("y" or "yes"))
        {
            throw CliException.Usage("Nothing was cancelled.");
        }
    }

    /// <summary>What a machine has is running, also before its program has begun.</summary>
    private static TaskState[] StatesOf(string word) => word.Trim().ToLowerInvariant() switch
    {
        "pending" => [TaskState.Pending],
        "assigned" => [TaskState.Assigned],
        "running" => [TaskState.Assigned, TaskState.Running],
        _ => throw CliException.Usage($"--state: '{word}' is none of {string.Join(", ", StateWords)}: what has ended cannot be cancelled."),
    };
}

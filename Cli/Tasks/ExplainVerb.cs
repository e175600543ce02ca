using System.CommandLine;
using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>`explain`: why a task waits, and when it may start.</summary>
internal sealed class ExplainVerb : Verb
{
    private readonly Argument<string> taskId = new("TASK");

    public ExplainVerb(Terminal terminal) : base("explain", "Say why a task waits: what it lacks, what goes before it, when it may start.", terminal) => Add(taskId);

    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        using var hub = await Connect(parsed, stop);
        var id = parsed.GetRequiredValue(taskId);
        var why = await hub.Tasks.ExplainTaskAsync(new ExplainTaskRequest { TaskId = id }, cancellationToken: stop);
        Terminal.Result(string.Join('\n', Lines(why).Select(Words.Line)), new
        {
            TaskId = id,
            State = TaskShapes.StateWord(why.State),
            Kind = KindWord(why.Kind),
            why.Reason,
            why.Text,
            why.OwnAhead,
            why.AccountsAhead,
            why.ExpectedStart,
            why.Basis,
            why.ReservedNode,
            why.ReservedFor,
            why.ReservedBy,
            why.NearestNode,
            why.Lacks,
            why.HeldUntil,
        });
        Terminal.Hint($"Next: {Next(parsed, why.Kind == WaitKind.Infeasible ? "nodes" : TaskFollow.HasEnded(why.State) ? $"result {id}" : $"watch {id}")}");
        return ExitCodes.Ok;
    }

    private static string KindWord(WaitKind kind) => kind == WaitKind.Unspecified ? "none" : kind.ToString().ToLowerInvariant();

    private static IEnumerable<string> Lines(ExplainTaskResponse why)
    {
        yield return $"{TaskShapes.StateWord(why.State)}{(why.Kind == WaitKind.Unspecified ? "" : $", {KindWord(why.Kind)}")}: {why.Text}";
        if (why.NearestNode.Length > 0)
        {
            yield return $"nearest   {why.NearestNode}";
            foreach (var lack in why.Lacks)
            {
                yield return $"          {lack}";
            }
        }

        if (why.ReservedNode.Length > 0)
        {
            yield return $"kept free {why.ReservedNode}{(why.ReservedFor.Length > 0 ? $" for {why.ReservedFor}" : "")}"
                + (why.ReservedBy.Length > 0 ? $", by {why.ReservedBy} at the latest" : "");
        }

        if (why.HeldUntil.Length > 0)
        {
            yield return $"held      until {why.HeldUntil}";
        }

        if (why.Kind == WaitKind.Waiting)
        {
            yield return $"expected  {(why.ExpectedStart.Length > 0 ? $"about {why.ExpectedStart}" : "not known")}. {why.Basis}";
        }
    }
}

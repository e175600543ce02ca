using System.CommandLine;
using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>`cancel`: ends a task that waits or runs; a running program is killed.</summary>
internal sealed class CancelVerb : Verb
{
    private readonly Argument<string> taskId = new("TASK");

    public CancelVerb(Terminal terminal) : base("cancel", "Cancel a task that waits or runs.", terminal) => Add(taskId);

    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        using var hub = await Connect(parsed, stop);
        var id = parsed.GetRequiredValue(taskId);
        await hub.Tasks.CancelTaskAsync(new CancelTaskRequest { TaskId = id }, cancellationToken: stop);
        Terminal.Result($"Task {id} is cancelled.", new { TaskId = id, Cancelled = true });
        return ExitCodes.Ok;
    }
}

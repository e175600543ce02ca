using System.CommandLine;
using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>`watch`: what a task prints, as it prints it, and what becomes of it.</summary>
internal sealed class WatchVerb : Verb
{
    private readonly Argument<string> taskId = new("TASK");

    public WatchVerb(Terminal terminal) : base("watch", "Show what a task prints, from its beginning to its end.", terminal) => Add(taskId);

    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        using var hub = await Connect(parsed, stop);
        return await Follow(hub, Terminal, parsed.GetRequiredValue(taskId), quietAtFirst: false, id => Next(parsed, $"watch {id}"), stop);
    }

    /// <summary>Exit code by the task's outcome. Ctrl-C leaves the task alone and says how to come back.</summary>
    public static async Task<int> Follow(
        HubClient hub, Terminal terminal, string taskId, bool quietAtFirst, Func<string, string> comeBack, CancellationToken stop)
    {
        await using var stdout = ForeignBytes.RewindableOutput();
        await using var stderr = ForeignBytes.StandardError();
        using var plain = new PlainSink(terminal, stdout, stderr, quietAtFirst);
        IWatchSink sink = terminal.Json ? new JsonSink(terminal, isSilent: quietAtFirst) : plain;
        try
        {
            var task = await new TaskFollow(hub, TimeProvider.System, sink).UntilEnded(taskId, withOutput: !(terminal.Json && quietAtFirst), stop);
            return terminal.Json && quietAtFirst ? await TaskOutput.Show(hub, terminal, taskId, new OutputWish(), stop) : Ended(terminal, task);
        }
        catch (Exception) when (stop.IsCancellationRequested)
        {
            terminal.EndStatus();
            terminal.Message($"Task {taskId} goes on without you. Next: {comeBack(taskId)}");
            throw new OperationCanceledException(stop);
        }
    }

    /// <summary>The exit code, and for a person why it did not complete.</summary>
    public static int Ended(Terminal terminal, GetTaskStatusResponse task)
    {
        if (task.State == TaskState.Completed)
        {
            return ExitCodes.Ok;
        }

        foreach (var line in TaskEnds.Of(task))
        {
            terminal.Hint(Words.Line(line));
        }

        return ExitCodes.TaskFailed;
    }
}

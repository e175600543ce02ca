using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>For people: the task's outputs are ours, and what becomes of it stands on standard error.</summary>
internal sealed class PlainSink(Terminal terminal, Stream stdout, Stream stderr, bool quietAtFirst = false) : IWatchSink, IDisposable
{
    private readonly PrintedStream output = new(stdout), error = new(stderr);
    private readonly long start = TimeProvider.System.GetTimestamp();
    private string said = "";
    private int attempt;

    public void Snapshot(GetTaskStatusResponse task)
    {
        if (TaskFollow.HasEnded(task.State))
        {
            terminal.EndStatus();
        }
        else if (task.State == TaskState.Pending)
        {
            // Most tasks wait for no longer than it takes to read this.
            if (!quietAtFirst || TimeProvider.System.GetElapsedTime(start) > TimeSpan.FromSeconds(1))
            {
                Say($"waiting: {(task.ReasonText.Length > 0 ? task.ReasonText : "for a free node")}");
            }
        }
        else if (!quietAtFirst || task.Attempt > 1 || said.Length > 0)
        {
            Say($"{TaskShapes.StateWord(task.State)} on {task.AssignedNode}{(task.Attempt > 1 ? $", attempt {task.Attempt}" : "")}");
        }
    }

    public async Task<bool> Output(WatchOutput printed, CancellationToken stop)
    {
        terminal.EndStatus();
        var isNew = attempt != 0 && printed.Attempt != attempt;
        attempt = printed.Attempt;
        var stream = printed.Stream == "stderr" ? error : output;
        if (await stream.Write(printed.Attempt, printed.Data.Memory, stop))
        {
            return true;
        }

        terminal.Hint(isNew
            ? $"Attempt {printed.Attempt} prints something else: all of it follows."
            : $"Attempt {printed.Attempt} prints something else than what was shown: all of it follows.");
        return false;
    }

    public bool IsComplete(string stream)
    {
        var complete = (stream == "stderr" ? error : output).Complete();
        if (!complete)
        {
            terminal.Hint("The last attempt printed something else than what was shown: all of it follows.");
        }

        return complete;
    }

    public void HubAway() => Say("the hub is away; watching again as soon as it is back");

    public void Dispose()
    {
        output.Dispose();
        error.Dispose();
    }

    private void Say(string text)
    {
        if (said != text)
        {
            terminal.Status(said = text);
        }
    }
}

/// <summary>For scripts: one line of JSON for each thing that happens, or nothing at all but the end.</summary>
internal sealed class JsonSink(Terminal terminal, bool isSilent) : IWatchSink
{
    public void Snapshot(GetTaskStatusResponse task)
    {
        if (!isSilent)
        {
            terminal.Result("", new { Event = "snapshot", Task = TaskShapes.Status(task) });
        }
    }

    public Task<bool> Output(WatchOutput output, CancellationToken stop)
    {
        if (!isSilent)
        {
            terminal.Result("", TaskShapes.Output(output));
        }

        return Task.FromResult(true);
    }

    public bool IsComplete(string stream) => true;

    public void HubAway()
    {
    }
}

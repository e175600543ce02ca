using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>For people: the task's outputs are ours, and what becomes of it stands on standard error.</summary>
internal sealed class PlainSink(Terminal terminal, Stream stdout, Stream stderr, bool quietAtFirst = false) : IWatchSink, IDisposable
{
    private readonly PrintedStream output = new(stdout), error = new(stderr);
    private readonly long start = TimeProvider.System.GetTimestamp();
    private readonly Dictionary<string, (int Run, long Reached)> runs = [];
    private string said = "";
    private int attempt, told;

    public void Snapshot(GetTaskStatusResponse task)
    {
        TellEarlierEnds(task);
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
        if (await stream.Write(RunOf(printed, isNew), printed.Data.Memory, stop))
        {
            return true;
        }

        terminal.Hint($"Attempt {printed.Attempt} prints something else than what was shown: {Anew(stream)}.");
        return false;
    }

    private static string Anew(PrintedStream stream) => stream.TookBack ? "the file begins anew with it" : "all of it follows";

    /// <summary>Which attempt is shown, and why those before it are not: each once, as soon as it is known.</summary>
    private void TellEarlierEnds(GetTaskStatusResponse task)
    {
        var shown = TaskFollow.HasEnded(task.State) ? task.Attempts.LastOrDefault()?.Attempt ?? 0 : int.MaxValue;
        foreach (var one in task.Attempts.Where(one => one.EndedAt.Length > 0 && one.Attempt > told && one.Attempt < shown))
        {
            told = one.Attempt;
            terminal.Message(Words.Line(AttemptWords.Ended(one)));
        }
    }

    /// <summary>Which run of the program this is a piece of: the next attempt's, or the same attempt's that was begun again.</summary>
    private int RunOf(WatchOutput printed, bool isNew)
    {
        if (isNew)
        {
            foreach (var stream in runs.Keys)
            {
                runs[stream] = (runs[stream].Run + 1, 0);
            }
        }

        var (run, reached) = runs.GetValueOrDefault(printed.Stream, (1, 0L));
        run += printed.Position < reached ? 1 : 0;
        runs[printed.Stream] = (run, printed.Position + printed.Data.Length);
        return run;
    }

    public bool IsComplete(string stream)
    {
        var shown = stream == "stderr" ? error : output;
        var complete = shown.Complete();
        if (!complete)
        {
            terminal.Hint($"The last attempt printed something else than what was shown: {Anew(shown)}.");
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
            terminal.Status(Words.Line(said = text));
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

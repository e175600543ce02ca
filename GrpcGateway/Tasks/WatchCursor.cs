namespace HiveMind.Tasks;

/// <summary>
/// How far a watcher has come, and what it is told next. Pure. Positions are those of one attempt: the next attempt prints from 0 again.
/// </summary>
internal sealed class WatchCursor(int attempt, long stdout, long stderr)
{
    private (TaskState State, string Reason, string Text, int Attempt)? _said;

    public int Attempt { get; private set; } = attempt;
    public long Stdout { get; private set; } = attempt > 0 ? stdout : 0;
    public long Stderr { get; private set; } = attempt > 0 ? stderr : 0;

    /// <summary>True the first time and whenever a snapshot says something that the last one did not.</summary>
    public bool IsNews(TaskState state, string reason, string text, int attempt)
    {
        var now = (state, reason, text, attempt);
        if (_said == now) return false;
        _said = now;
        return true;
    }

    /// <summary>The attempt whose output counts now. True: another one than before, so its output begins anew.</summary>
    public bool Follow(int current)
    {
        if (current == 0 || current == Attempt) return false;
        (Attempt, Stdout, Stderr) = (current, 0, 0);
        return true;
    }

    public void Sent(string stream, int bytes)
    {
        if (stream == Edge.OutputStreams.Stderr) Stderr += bytes;
        else Stdout += bytes;
    }

    public long PositionOf(string stream) => stream == Edge.OutputStreams.Stderr ? Stderr : Stdout;
}

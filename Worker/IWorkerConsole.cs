namespace HiveMind.Workers;

/// <summary>What kind of line a worker says, so that a terminal may colour it.</summary>
public enum WorkerEvent
{
    Info,
    Connected,
    Reconnecting,
    TaskStarted,
    TaskEnded,
    TaskDropped,
    Stopping,
    Warning,
    Error,
}

/// <summary>Where a worker says what it does, one friendly line at a time. Called from several threads.</summary>
public interface IWorkerConsole
{
    void Say(WorkerEvent kind, string line);
}

/// <summary>Writes every line to a writer, usually standard error.</summary>
public sealed class TextWorkerConsole(TextWriter writer) : IWorkerConsole
{
    private readonly Lock _lock = new();

    public void Say(WorkerEvent kind, string line)
    {
        try
        {
            lock (_lock)
                writer.WriteLine(line);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // A full disk under the log, or a terminal that is gone: no run may end for it.
        }
    }
}

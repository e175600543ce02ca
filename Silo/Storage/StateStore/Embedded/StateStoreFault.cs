namespace HiveMind.Storage;

/// <summary>
/// The end of a process whose state store is in doubt. What a failed fsync or a read error leaves in memory may never reach the disk, so nothing is
/// answered from it any more: one line, an exit code of its own, and a start recovers what is durable.
/// </summary>
internal sealed partial class StateStoreFault(string directory, FailStop failStop, ILogger log, TimeProvider time)
{
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(30);
    private readonly Lock gate = new();
    private long? lastSaid;
    private volatile bool happened;

    /// <summary>True only where a test outlives it.</summary>
    public bool HasHappened => happened;

    public void Happened(Exception error)
    {
        var code = error is StateStoreError { Code: var number } ? $"SQLite error {number}" : error.GetType().Name;
        Happened($"The state store in {directory} failed ({code}): what it holds in memory may not be durable. A start recovers everything that was acknowledged, or says what is missing.");
    }

    public void Happened(string sentence)
    {
        lock (gate)
        {
            if (happened) return;
            happened = true;
        }

        failStop.End(sentence);
    }

    /// <summary>Runs it; an error that puts the state store in doubt ends the process, one that passes is left to the next time.</summary>
    public void Guard(Action work)
    {
        try
        {
            work();
        }
        catch (StateStoreError error)
        {
            if (!error.IsPassing) Happened(error);
        }
    }

    /// <summary>What a reader met, as the caller is told it.</summary>
    public Exception Reading(StateStoreError error)
    {
        if (!error.IsPassing) Happened(error);
        return StateStoreFailures.Unavailable(error);
    }

    /// <summary>Said at most twice a minute: while a disk is full, every commit fails.</summary>
    public void Passing(Exception error)
    {
        if (IsTimeToSay()) LogNotCommitted(log, error, directory, error is StateStoreError { IsFull: true } ? "its disk is full" : "it is short of something");
    }

    public void NotNoted(Exception error)
    {
        if (IsTimeToSay()) LogNotNoted(log, error, directory);
    }

    private bool IsTimeToSay()
    {
        if (lastSaid is { } at && time.GetElapsedTime(at) < Quiet) return false;
        lastSaid = time.GetTimestamp();
        return true;
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The state store in {Directory} could not commit: {Why}. Changes are refused until it can.")]
    private static partial void LogNotCommitted(ILogger logger, Exception cause, string directory, string why);

    [LoggerMessage(Level = LogLevel.Warning, Message = "A commit of the state store in {Directory} could not be noted beside it; the next one is.")]
    private static partial void LogNotNoted(ILogger logger, Exception cause, string directory);
}

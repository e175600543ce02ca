namespace HiveMind.Nodes;

/// <summary>
/// How fast one stream is read: so much a second, with a burst. What is above waits in its sender's buffers, and its sender with it; nothing is refused. Not
/// thread-safe: for the one loop that reads.
/// </summary>
internal sealed class StreamPace(TimeProvider time, int perSecond = StreamPace.PerSecond, int burst = 2 * StreamPace.PerSecond)
{
    /// <summary>Two reports a task: 2,500 short tasks a second on one machine.</summary>
    public const int PerSecond = 5000;
    /// <summary>
    /// Reports on what is not its machine's (any more): each wakes a task's record for nothing. A machine that lost its lease tells of what it held, once.
    /// </summary>
    public const int StalePerSecond = 200, StaleBurst = 2000;

    private double _left = burst;
    private long _at = time.GetTimestamp();

    /// <summary>Takes what a message costs; how long to wait before it is worked on.</summary>
    public TimeSpan Take(int cost)
    {
        var now = time.GetTimestamp();
        _left = Math.Min(burst, _left + time.GetElapsedTime(_at, now).TotalSeconds * perSecond);
        _at = now;
        _left -= cost;
        return _left >= 0 ? TimeSpan.Zero : TimeSpan.FromSeconds(-_left / perSecond);
    }
}

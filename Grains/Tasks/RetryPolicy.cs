namespace HiveMind.Tasks;

/// <summary>How long a task that lost its machine waits: not at all the first time, then 1 s, doubling, at most a minute.</summary>
public static class RetryPolicy
{
    public static TimeSpan Pause(int lostAttempts) =>
        lostAttempts <= 1 ? TimeSpan.Zero : TimeSpan.FromSeconds(Math.Min(60, 1 << Math.Min(lostAttempts - 2, 6)));
}

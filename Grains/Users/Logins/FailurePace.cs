namespace HiveMind.Users;

/// <summary>Failures so far, and when the last one was (monotonic).</summary>
public readonly record struct FailureCount(int Failures, TimeSpan LastAt);

/// <summary>
/// How failures slow down whoever they are counted for: so many are free, then each wait is twice the one before, up to the longest. What is
/// refused is not counted, so that nobody prolongs a wait by asking; and one failure is forgotten in every while without another. Pure.
/// </summary>
public sealed record FailurePace(int Free, TimeSpan FirstWait, TimeSpan LongestWait, TimeSpan ForgetOneAfter)
{
    /// <summary>How long from now until the next try is looked at; zero: now.</summary>
    public TimeSpan Wait(FailureCount count, TimeSpan now)
    {
        var failures = Left(count, now);
        if (failures < Free) return TimeSpan.Zero;
        var doublings = Math.Min(failures - Free, 30);
        var wait = TimeSpan.FromTicks(Math.Min(FirstWait.Ticks << doublings, LongestWait.Ticks));
        var left = count.LastAt + wait - now;
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    public FailureCount Charge(FailureCount count, TimeSpan now) => new(Math.Min(Left(count, now) + 1, Free + 30), now);

    /// <summary>It was no failure after all.</summary>
    public static FailureCount Refund(FailureCount count) => count with { Failures = Math.Max(0, count.Failures - 1) };

    /// <summary>Failures that are not yet forgotten.</summary>
    public int Left(FailureCount count, TimeSpan now) =>
        (int)Math.Max(0, count.Failures - Math.Max(0, (now - count.LastAt).Ticks / ForgetOneAfter.Ticks));
}

using HiveMind.Storage;

namespace HiveMind.Web.Figures;

/// <summary>
/// What anybody may see of the pool, at one moment: sums only. No name, id, address or owner has a place in it, so nothing that is
/// rendered from it can give one away.
/// </summary>
public sealed record PoolBoard
{
    public required DateTimeOffset At { get; init; }
    public required NodeFigures Nodes { get; init; }
    public required long Waiting { get; init; }
    public required long Running { get; init; }
    public required EndedFigures Recent { get; init; }
    public required long CompletedToday { get; init; }
    public required double MeanSecondsToday { get; init; }
    public LastEnded? Last { get; init; }
    public required IReadOnlyList<ActivityPoint> Points { get; init; }
    /// <summary>True while a store or the scheduler did not answer: some figures are those of before.</summary>
    public bool IsStale { get; init; }

    /// <summary>Before the first sample.</summary>
    public static PoolBoard Empty(DateTimeOffset now, IReadOnlyList<ActivityPoint> points) => new()
    {
        At = now, Nodes = NodeFigures.None, Waiting = 0, Running = 0, Recent = EndedFigures.None, CompletedToday = 0, MeanSecondsToday = 0, Points = points,
    };
}

/// <summary>What ended within the shown time, by how.</summary>
public sealed record EndedFigures(long Completed, long Failed, long Cancelled, long TimedOut, double? MeanWaitSeconds, double? LongestWaitSeconds)
{
    public static readonly EndedFigures None = new(0, 0, 0, 0, null, null);

    public long NotCompleted => Failed + Cancelled + TimedOut;

    public static EndedFigures Of(IReadOnlyList<ActivityPoint> points)
    {
        var started = points.Sum(point => point.Started);
        return new(points.Sum(point => point.Completed), points.Sum(point => point.Failed), points.Sum(point => point.Cancelled),
            points.Sum(point => point.TimedOut), started == 0 ? null : points.Sum(point => point.WaitedMs) / 1000.0 / started,
            started == 0 ? null : points.Max(point => point.LongestWaitMs) / 1000.0);
    }
}

/// <summary>One slot of the plots. Waiting and running are the last that was seen in it; null where nobody looked.</summary>
public sealed record ActivityPoint(DateTimeOffset From, long Completed, long Failed, long Cancelled, long TimedOut, long Started, long WaitedMs,
    long LongestWaitMs, long? Waiting, long? Running)
{
    public double? MeanWaitSeconds => Started == 0 ? null : WaitedMs / 1000.0 / Started;
}

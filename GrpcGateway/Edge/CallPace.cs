namespace HiveMind.Edge;

internal enum PaceVerdict { Fine, TooSlow, NotRead }

/// <summary>
/// Whether a caller goes on with what it began: counted is only the time that the hub waited for it, in windows, so that a fast start pays for nothing
/// later. Pure.
/// </summary>
internal sealed class CallPace
{
    public static readonly TimeSpan Window = TimeSpan.FromSeconds(10), WindowInTheWay = TimeSpan.FromSeconds(5), AnswerPatience = TimeSpan.FromSeconds(30);
    /// <summary>What is asked of one who holds memory that others wait for.</summary>
    public const int BytesPerSecondInTheWay = 256 * 1024;

    private long _bytes;
    private TimeSpan _waited;
    private TimeSpan? _answersSince;

    /// <param name="arrived">Bytes, since the beginning.</param>
    /// <param name="waited">Time the hub waited for them, since the beginning.</param>
    /// <param name="silenceCounts">False where silence is watched over elsewhere, and only dribble is to be told.</param>
    /// <param name="isInTheWay">It holds room that others wait for.</param>
    /// <param name="bytesPerSecond">The least that is asked of anybody.</param>
    public PaceVerdict OfSending(long arrived, TimeSpan waited, bool silenceCounts, bool isInTheWay, int bytesPerSecond)
    {
        var (bytes, time) = (arrived - _bytes, waited - _waited);
        if (time < (isInTheWay ? WindowInTheWay : Window)) return PaceVerdict.Fine;
        var least = isInTheWay ? Math.Max(bytesPerSecond, BytesPerSecondInTheWay) : bytesPerSecond;
        if (bytes < least * time.TotalSeconds && (silenceCounts || bytes > 0)) return PaceVerdict.TooSlow;
        (_bytes, _waited) = (arrived, waited);
        return PaceVerdict.Fine;
    }

    /// <summary>Of a single answer that has begun to leave; now is any clock that only goes on.</summary>
    public PaceVerdict OfReading(TimeSpan now, bool isInTheWay = false)
    {
        _answersSince ??= now;
        return now - _answersSince > (isInTheWay ? WindowInTheWay : AnswerPatience) ? PaceVerdict.NotRead : PaceVerdict.Fine;
    }
}

namespace HiveMind.Hosting;

/// <summary>
/// The rule of the silo's time, pure: it starts at the wall clock, goes on with what has really elapsed, and follows the wall clock's steps so
/// slowly that no duration notices. It never goes back.
/// </summary>
/// <param name="Elapsed">By the monotonic clock, when this piece began.</param>
/// <param name="Time">What it was then.</param>
/// <param name="Off">How far the wall clock was ahead then; negative: behind.</param>
internal readonly record struct SteadyTime(TimeSpan Elapsed, DateTimeOffset Time, TimeSpan Off)
{
    /// <summary>At most so much of what elapses is added or left out: 5 ms a second, so that an hour is made up in about eight days.</summary>
    public const double Slew = 0.005;
    /// <summary>How long one look at the wall clock is believed.</summary>
    public static readonly TimeSpan Piece = TimeSpan.FromMilliseconds(100);

    public static SteadyTime StartingAt(TimeSpan elapsed, DateTimeOffset wall) => new(elapsed, wall, TimeSpan.Zero);

    public DateTimeOffset At(TimeSpan elapsed)
    {
        var passed = elapsed > Elapsed ? elapsed - Elapsed : TimeSpan.Zero;
        var most = passed * Slew;
        return Time + passed + (Off > most ? most : Off < -most ? -most : Off);
    }

    public bool IsOver(TimeSpan elapsed) => elapsed - Elapsed >= Piece;

    /// <summary>The next piece: continuous with this one, whatever the wall clock says.</summary>
    public SteadyTime Next(TimeSpan elapsed, DateTimeOffset wall)
    {
        var time = At(elapsed);
        return new(elapsed, time, wall - time);
    }
}

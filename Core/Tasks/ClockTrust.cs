namespace HiveMind.Tasks;

/// <summary>
/// How far clocks are believed. What another process noted is a moment of another clock, which may be set otherwise: it is believed to within
/// <see cref="Trust"/> (ADR 36).
/// </summary>
public static class ClockTrust
{
    /// <summary>By how much two clocks, or one clock before and after a restart, may differ without anything's ending early.</summary>
    public static readonly TimeSpan Trust = TimeSpan.FromHours(1);

    /// <summary>Since that moment of another process's clock: what was measured here, and no more of the difference than is surely no clock's.</summary>
    public static TimeSpan AtLeast(TimeSpan measured, TimeSpan difference) => measured > difference - Trust ? measured : difference - Trust;
}

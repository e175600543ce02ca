using Microsoft.Extensions.Time.Testing;

namespace HiveMind.Tests.Cluster;

/// <summary>A test's clock whose wall time can be set without any time going by, as an operator or an NTP daemon does.</summary>
internal sealed class SteppedTime(FakeTimeProvider time) : TimeProvider
{
    /// <summary>How far the wall clock has been set ahead; negative: back.</summary>
    public TimeSpan Ahead { get; set; }

    public override DateTimeOffset GetUtcNow() => time.GetUtcNow() + Ahead;
    public override long GetTimestamp() => time.GetTimestamp();
    public override long TimestampFrequency => time.TimestampFrequency;
    public override TimeZoneInfo LocalTimeZone => time.LocalTimeZone;
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => time.CreateTimer(callback, state, dueTime, period);
}

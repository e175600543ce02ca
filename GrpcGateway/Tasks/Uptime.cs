namespace HiveMind.Tasks;

/// <summary>How long this silo runs, on the monotonic clock. Made when the process is wired, not at the first question.</summary>
internal sealed class Uptime(TimeProvider time)
{
    private readonly long _start = time.GetTimestamp();

    public TimeSpan Now => time.GetElapsedTime(_start);
}

namespace HiveMind;

public sealed class RateLimitOptions
{
    public int RequestsPerSecond { get; set; } = 200;
    public int Burst { get; set; } = 400;
}

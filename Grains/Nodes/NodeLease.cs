namespace HiveMind.Nodes;

/// <summary>
/// The lease of one connection, counted on the monotonic clock from when a heartbeat was received. A fresh activation knows no clock:
/// it starts a whole lease, so a node is never called lost early.
/// </summary>
public sealed class NodeLease(TimeProvider time, TimeSpan duration)
{
    private long _renewedAt = time.GetTimestamp();

    public void Renew() => _renewedAt = time.GetTimestamp();

    public bool IsExpired => time.GetElapsedTime(_renewedAt) >= duration;
}

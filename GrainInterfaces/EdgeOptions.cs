namespace HiveMind;

/// <summary>What callers may hold of this silo at the same time. ADR 33 says how the figures were chosen.</summary>
public sealed class EdgeOptions
{
    /// <summary>Memory for large messages that are under way, MiB, 128 to 65536; a call without chunks has up to 100.</summary>
    public int MessagesMb { get; set; } = 256;
    /// <summary>Of that one account's or one node's, MiB, 101 to MessagesMb.</summary>
    public int MessagesMbPerAccount { get; set; } = 128;
    /// <summary>Open connections to a port, 100 to 1000000; and of one address (an IPv6 /64), 10 or more; and of one account or node, 2 or more.</summary>
    public int Connections { get; set; } = 10_000;
    public int ConnectionsPerAddress { get; set; } = 6_000;
    public int ConnectionsPerAccount { get; set; } = 500;
    /// <summary>How fast a request must come, bytes a second over ten seconds of waiting, 0 to 1048576.</summary>
    public int LeastBytesPerSecond { get; set; } = 4096;
}

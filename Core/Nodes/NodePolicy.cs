namespace HiveMind.Nodes;

/// <summary>What a pool has laid down for all nodes.</summary>
public sealed record NodePolicy
{
    public required TimeSpan HeartbeatInterval { get; init; }
    /// <summary>After its last answered heartbeat a worker keeps its runs that long.</summary>
    public required TimeSpan WorkerLease { get; init; }
    /// <summary>After the last heartbeat that was heard the hub waits that long: longer than the worker does.</summary>
    public required TimeSpan Lease { get; init; }
    /// <summary>How often its lease is looked at.</summary>
    public required TimeSpan LookEvery { get; init; }
    public required TimeSpan ForgetAfter { get; init; }
    /// <summary>Zero: a token is good until it is replaced.</summary>
    public TimeSpan TokenMaxAge { get; init; }
    public int CordonAfterFailures { get; init; }
    public TimeSpan CordonFor { get; init; }
    public TimeSpan CordonForAtMost { get; init; }
    public int SlowStart { get; init; }

    public static NodePolicy From(HubOptions options, TimeSpan lookEvery) => new()
    {
        HeartbeatInterval = options.Nodes.HeartbeatInterval, WorkerLease = options.Nodes.HeartbeatTimeout, Lease = options.Tasks.LeaseDuration, LookEvery = lookEvery,
        ForgetAfter = options.Nodes.ForgetAfter, TokenMaxAge = options.Nodes.TokenMaxAge, CordonAfterFailures = options.Nodes.CordonAfterFailures,
        CordonFor = options.Nodes.CordonFor, CordonForAtMost = options.Nodes.CordonForAtMost, SlowStart = options.Nodes.SlowStart,
    };
}

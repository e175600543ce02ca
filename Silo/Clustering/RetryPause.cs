using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Connections;

namespace HiveMind.Clustering;

/// <summary>
/// A silo that cannot be reached is not tried more than once a second. Orleans has the same pause, but takes it from the machine's clock: one set back by an
/// hour would keep two silos apart for an hour.
/// </summary>
internal sealed class RetryPause(IConnectionFactory connections, TimeProvider time) : IConnectionFactory
{
    /// <summary>Switches Orleans' own pause off, wherever the machine's clock goes.</summary>
    public static readonly TimeSpan NoneOfOrleans = TimeSpan.FromDays(-36_525);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<EndPoint, long> _triedAt = [];

    public async ValueTask<ConnectionContext> ConnectAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        if (_triedAt.TryGetValue(endpoint, out var at) && time.GetElapsedTime(at) < Pause)
            throw new ConnectionAbortedException($"{endpoint} was tried a moment ago.");
        foreach (var (old, when) in _triedAt)
            if (time.GetElapsedTime(when) > Pause) _triedAt.TryRemove(KeyValuePair.Create(old, when));
        _triedAt[endpoint] = time.GetTimestamp();
        return await connections.ConnectAsync(endpoint, cancellationToken);
    }
}

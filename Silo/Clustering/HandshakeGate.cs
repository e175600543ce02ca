using System.Net;
using HiveMind.Monitoring;
using Microsoft.AspNetCore.Connections;

namespace HiveMind.Clustering;

/// <summary>
/// Keeps count of the connections at the silo's port that have not shown who they are. There are never many: when one more comes, the oldest of the
/// address that has most of them is cut. A silo's own handshake takes milliseconds, so it is not the one.
/// </summary>
internal sealed partial class HandshakeGate(TimeProvider time, ILogger<HandshakeGate> log)
{
    public const int Most = 128;
    private static readonly TimeSpan SayEvery = TimeSpan.FromMinutes(1);
    private static readonly object Place = new();

    private readonly Lock _turn = new();
    private readonly LinkedList<ConnectionContext> _waiting = [];
    private long _refused, _said;

    public int Waiting
    {
        get { lock (_turn) return _waiting.Count; }
    }

    /// <summary>Before the handshake.</summary>
    public async Task Enter(ConnectionContext connection, ConnectionDelegate next)
    {
        var place = Take(connection, out var cut);
        if (cut is not null)
        {
            cut.Abort(new ConnectionAbortedException("Too many connections that have not shown who they are."));
            Refused(cut);
        }

        connection.Items[Place] = place;
        try
        {
            await next(connection);
        }
        finally
        {
            if (Leave(place)) Refused(connection);
        }
    }

    /// <summary>After it.</summary>
    public Task Pass(ConnectionContext connection, ConnectionDelegate next)
    {
        if (connection.Items[Place] is LinkedListNode<ConnectionContext> place && !Leave(place))
            throw new ConnectionAbortedException("Cut while it showed who it is.");
        return next(connection);
    }

    private LinkedListNode<ConnectionContext> Take(ConnectionContext connection, out ConnectionContext? cut)
    {
        lock (_turn)
        {
            cut = null;
            if (_waiting.Count >= Most)
            {
                var most = _waiting.GroupBy(AddressOf).MaxBy(group => group.Count())!.Key;
                for (var node = _waiting.First; node is not null && cut is null; node = node.Next)
                {
                    if (!Equals(AddressOf(node.Value), most)) continue;
                    cut = node.Value;
                    _waiting.Remove(node);
                }
            }
            return _waiting.AddLast(connection);
        }
    }

    private bool Leave(LinkedListNode<ConnectionContext> place)
    {
        lock (_turn)
        {
            if (place.List is null) return false;
            _waiting.Remove(place);
            return true;
        }
    }

    private void Refused(ConnectionContext connection)
    {
        ClusterInstruments.Refused();
        lock (_turn)
        {
            _refused++;
            if (_said != 0 && time.GetElapsedTime(_said) < SayEvery) return;
            LogRefused(log, _refused, AddressOf(connection));
            (_refused, _said) = (0, time.GetTimestamp());
        }
    }

    private static IPAddress? AddressOf(ConnectionContext connection) => (connection.RemoteEndPoint as IPEndPoint)?.Address;

    [LoggerMessage(1, LogLevel.Warning, "{Count} connections at the silo's port did not show that they belong to this pool, the last from {Address}: a stranger, or a silo with another secret.")]
    private static partial void LogRefused(ILogger logger, long count, IPAddress? address);
}

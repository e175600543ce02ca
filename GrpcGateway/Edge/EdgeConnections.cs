using HiveMind.Users;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace HiveMind.Edge;

/// <summary>
/// The connections of one port. There are so many of all, of one address and of one account; a newcomer beyond that is let in, and the oldest
/// connection goes on which nobody has yet said who they are. Only where there is none is the newcomer turned away. So a crowd of idle strangers
/// pushes out itself, never those who work here.
/// </summary>
public sealed partial class EdgeConnections(EdgeOptions options, Func<System.Net.IPAddress?, bool> isProxy, TimeProvider time, ILogger<EdgeConnections> log)
{
    private readonly Lock _turn = new();
    private readonly LinkedList<Place> _strangers = [];
    private readonly Dictionary<string, (int Count, LinkedList<Place> Strangers)> _addresses = [];
    private readonly Dictionary<string, LinkedList<Place>> _subjects = [];
    private int _count;
    private long _saidAt;
    private int _unsaid;

    public int Count
    {
        get
        {
            lock (_turn) return _count;
        }
    }

    public async Task Serve(ConnectionContext connection, ConnectionDelegate next)
    {
        var address = (connection.RemoteEndPoint as System.Net.IPEndPoint)?.Address;
        var place = new Place(this, connection, isProxy(address) ? "" : Addresses.GroupOf(address), time.GetTimestamp());
        if (!Enter(place))
        {
            Say("refused", place.Address);
            connection.Abort();
            return;
        }

        try
        {
            connection.Features.Set<IKnownConnection>(place);
            await next(connection);
        }
        finally
        {
            Leave(place);
        }
    }

    private bool Enter(Place place)
    {
        Place? victim = null;
        lock (_turn)
        {
            if (place.Address.Length > 0 && CountOf(place.Address) >= options.ConnectionsPerAddress && (victim = _addresses[place.Address].Strangers.First?.Value) is null)
                return false;
            if (victim is null && _count >= options.Connections && (victim = _strangers.First?.Value) is null) return false;
            if (victim is not null) Forget(victim);
            var (count, strangers) = _addresses.TryGetValue(place.Address, out var known) ? known : (0, []);
            _addresses[place.Address] = (count + 1, strangers);
            place.InAll = _strangers.AddLast(place);
            place.InAddress = strangers.AddLast(place);
            _count++;
        }

        if (victim is not null) Close(victim, "pushed out");
        return true;
    }

    private void Know(Place place, string subject)
    {
        Place? victim = null;
        lock (_turn)
        {
            if (place.IsGone || place.Subject is not null) return;
            Unlist(place);
            place.Subject = subject;
            if (!_subjects.TryGetValue(subject, out var own)) _subjects.Add(subject, own = []);
            place.InSubject = own.AddLast(place);
            if (own.Count > options.ConnectionsPerAccount) Forget(victim = own.First!.Value);
        }

        if (victim is not null) Close(victim, "pushed out by its own account's");
    }

    private void Leave(Place place)
    {
        lock (_turn) Forget(place);
    }

    private void Forget(Place place)
    {
        if (place.IsGone) return;
        place.IsGone = true;
        Unlist(place);
        if (place.InSubject is { } own && _subjects[place.Subject!] is var list)
        {
            list.Remove(own);
            if (list.Count == 0) _subjects.Remove(place.Subject!);
        }

        var (count, strangers) = _addresses[place.Address];
        if (count == 1) _addresses.Remove(place.Address);
        else _addresses[place.Address] = (count - 1, strangers);
        _count--;
    }

    private void Unlist(Place place)
    {
        if (place.InAll is { } all) _strangers.Remove(all);
        if (place.InAddress is { } address) _addresses[place.Address].Strangers.Remove(address);
        (place.InAll, place.InAddress) = (null, null);
    }

    private int CountOf(string address) => _addresses.TryGetValue(address, out var known) ? known.Count : 0;

    private void Close(Place place, string why)
    {
        Say(why, place.Address);
        place.Connection.Abort(new ConnectionAbortedException(why));
    }

    /// <summary>Once in a while, however many there are.</summary>
    private void Say(string why, string address)
    {
        int more;
        lock (_turn)
        {
            if (_saidAt != 0 && time.GetElapsedTime(_saidAt) < TimeSpan.FromSeconds(10))
            {
                _unsaid++;
                return;
            }

            (_saidAt, more, _unsaid) = (time.GetTimestamp(), _unsaid, 0);
        }

        ConnectionClosed(why, address, more);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "A connection was {Why}, from {Address} (and {More} others since this was last said)")]
    private partial void ConnectionClosed(string why, string address, int more);

    /// <summary>One connection, and how many of its calls were taken back by the caller lately: opening and resetting streams costs only us.</summary>
    internal sealed class Place(EdgeConnections connections, ConnectionContext connection, string address, long now) : IKnownConnection
    {
        private const int ResetsAtOnce = 500, ResetsPerSecond = 50;
        private double _resets;
        private long _at = now;

        public ConnectionContext Connection => connection;
        public string Address => address;
        public string? Subject { get; set; }
        public bool IsGone { get; set; }
        public LinkedListNode<Place>? InAll { get; set; }
        public LinkedListNode<Place>? InAddress { get; set; }
        public LinkedListNode<Place>? InSubject { get; set; }

        public void Know(string subject)
        {
            if (Subject is null) connections.Know(this, subject);
        }

        public void CallReset()
        {
            lock (connections._turn)
            {
                if (IsGone) return;
                _resets = Math.Max(0, _resets - connections.ElapsedSince(ref _at) * ResetsPerSecond) + 1;
                if (_resets <= ResetsAtOnce) return;
                connections.Forget(this);
            }

            connections.Close(this, "closed for resetting call after call");
        }
    }

    private double ElapsedSince(ref long at)
    {
        var now = time.GetTimestamp();
        var elapsed = time.GetElapsedTime(at, now);
        at = now;
        return elapsed.TotalSeconds;
    }
}

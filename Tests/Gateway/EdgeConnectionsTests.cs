using System.Net;
using HiveMind.Edge;
using HiveMind.Users;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace HiveMind.Tests.Gateway;

public sealed class EdgeConnectionsTests
{
    private static readonly IPAddress Proxy = IPAddress.Parse("10.0.0.1");
    private readonly FakeTimeProvider _time = new();
    private readonly EdgeConnections _connections;

    public EdgeConnectionsTests() => _connections = new(
        new EdgeOptions { Connections = 10, ConnectionsPerAddress = 4, ConnectionsPerAccount = 2 }, Proxy.Equals, _time, NullLogger<EdgeConnections>.Instance);

    [Fact]
    public void Address_OneTooMany_PushesOutItsOwnOldestStranger()
    {
        var other = Open("192.0.2.9");
        var crowd = Enumerable.Range(0, 5).Select(_ => Open("192.0.2.1")).ToArray();
        Assert.Equal([true, false, false, false, false], crowd.Select(c => c.IsClosed));
        Assert.False(other.IsClosed);
        Assert.Equal(5, _connections.Count);
    }

    [Fact]
    public void Address_AllOfItsConnectionsKnown_NewcomerIsTurnedAway()
    {
        var known = Enumerable.Range(0, 4).Select(i => Open("192.0.2.1").Know($"hms:{i}")).ToArray();
        Assert.True(Open("192.0.2.1").IsClosed);
        Assert.All(known, connection => Assert.False(connection.IsClosed));
    }

    [Fact]
    public void Ipv6_OfOneSite_CountsAsOneAddress()
    {
        var first = Open("2001:db8::1");
        for (var i = 2; i <= 5; i++) Open($"2001:db8::{i}");
        Assert.True(first.IsClosed);
    }

    [Fact]
    public void All_CrowdFromEverywhere_PushesOutStrangersNotTheKnown()
    {
        var known = Open("192.0.2.200").Know("hms:alice");
        for (var i = 0; i < 30; i++) Open($"192.0.2.{i}");
        Assert.False(known.IsClosed);
        Assert.Equal(10, _connections.Count);
    }

    [Fact]
    public void Account_OneTooMany_LosesItsOldest()
    {
        var own = Enumerable.Range(0, 3).Select(i => Open($"192.0.2.{i}").Know("hms:alice")).ToArray();
        Assert.Equal([true, false, false], own.Select(c => c.IsClosed));
    }

    [Fact]
    public void Proxy_OfOurs_IsManyCallers()
    {
        var through = Enumerable.Range(0, 8).Select(_ => Open(Proxy.ToString())).ToArray();
        Assert.All(through, connection => Assert.False(connection.IsClosed));
    }

    [Fact]
    public async Task Connection_Ends_LeavesNothingBehind()
    {
        var one = Open("192.0.2.1").Know("hms:alice");
        one.End();
        await one.Served;
        Assert.Equal(0, _connections.Count);
        Assert.All(Enumerable.Range(0, 4).Select(_ => Open("192.0.2.1")).ToArray(), connection => Assert.False(connection.IsClosed));
    }

    [Fact]
    public void Resets_FewAreFineManyAreNot()
    {
        var usual = Open("192.0.2.1");
        for (var second = 0; second < 60; second++)
        {
            for (var i = 0; i < 40; i++) usual.Reset();
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.False(usual.IsClosed);
        var rapid = Open("192.0.2.2");
        for (var i = 0; i < 501; i++) rapid.Reset();
        Assert.True(rapid.IsClosed);
    }

    private Connection Open(string address)
    {
        var connection = new Connection(address);
        connection.Served = _connections.Serve(connection, c => ((Connection)c).Over);
        return connection;
    }

    private sealed class Connection : DefaultConnectionContext
    {
        private readonly TaskCompletionSource _over = new();

        public Connection(string address) => RemoteEndPoint = new IPEndPoint(IPAddress.Parse(address), 1);

        public bool IsClosed { get; private set; }
        public Task Over => _over.Task;
        public Task Served { get; set; } = Task.CompletedTask;

        public Connection Know(string subject)
        {
            Features.Get<IKnownConnection>()!.Know(subject);
            return this;
        }

        public void Reset() => ((EdgeConnections.Place?)Features.Get<IKnownConnection>())?.CallReset();

        public void End() => _over.TrySetResult();

        public override void Abort(ConnectionAbortedException abortReason)
        {
            IsClosed = true;
            End();
        }

        public override void Abort()
        {
            IsClosed = true;
            End();
        }
    }
}

using Google.Rpc;
using Grpc.Core;
using HiveMind.Nodes;
using HiveMind.Rewards;
using HiveMind.Users;
using Wire = HiveMind.Protos;

namespace HiveMind.Tests.Gateway;

/// <summary>CordonNode, DrainNode and UncordonNode: who, what and in which words.</summary>
public sealed class CordonRpcTests
{
    private static readonly DateTimeOffset Noon = new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);
    private static readonly NodeSnapshot Node = new()
    {
        NodeId = "node-1", OwnerId = "alice", OwnerName = "alice", NodeType = NodeTypes.Worker, Hostname = "h", Status = "online", Usage = new(0, 0, 0),
        Capabilities = new() { CpuCores = 4, MemoryMb = 4096 }, Cordoned = "new disk", CordonedUntil = Noon, DrainDeadline = Noon.AddMinutes(1),
    };

    private static TestGateway Start()
    {
        var gateway = TestGateway.Start();
        gateway.Database.On("NodeTotals", _ => Task.FromResult(new NodeTotals(0, 0, 0, 0)));
        gateway.Node.On("GetSnapshot", _ => Task.FromResult<NodeSnapshot?>(Node));
        return gateway;
    }

    [Fact]
    public async Task EachVerb_TheCallersWord_GoesToTheNodeAndItsStateComesBack()
    {
        await using var gateway = Start();
        var asked = new List<string>();
        gateway.Node.On("Cordon", a =>
        {
            asked.Add($"{((Caller)a[0]!).UserId} '{a[1]}' {a[2]}");
            return Task.FromResult(Node);
        }).On("Uncordon", a =>
        {
            asked.Add(((Caller)a[0]!).UserId);
            return Task.FromResult(Node with { Cordoned = "", CordonedUntil = null, DrainDeadline = null });
        });
        var (alice, root) = (TestGateway.With(gateway.Alice), TestGateway.With(gateway.Root));

        var cordoned = await gateway.Nodes.CordonNodeAsync(new() { NodeId = "node-1", Reason = " new disk " }, alice);
        var drained = await gateway.Nodes.DrainNodeAsync(new() { NodeId = "node-1", DeadlineSeconds = 600 }, root);
        await gateway.Nodes.DrainNodeAsync(new() { NodeId = "node-1" }, alice);
        var uncordoned = await gateway.Nodes.UncordonNodeAsync(new() { NodeId = "node-1" }, alice);

        Assert.Equal(["alice 'new disk' ", "root '' 00:10:00", "alice '' ", "alice"], asked);
        Assert.Equal((true, "new disk", "2026-11-23T12:00:00.000Z", "2026-11-23T12:01:00.000Z"),
            (cordoned.Success, cordoned.Node.Cordoned, cordoned.Node.CordonedUntil, cordoned.Node.DrainDeadline));
        Assert.Equal(cordoned.Node, drained.Node);
        Assert.Equal(("", "", ""), (uncordoned.Node.Cordoned, uncordoned.Node.CordonedUntil, uncordoned.Node.DrainDeadline));
        Assert.Equal("new disk", (await gateway.Nodes.GetNodeInfoAsync(new() { NodeId = "node-1" }, alice)).Node.Cordoned);
    }

    [Fact]
    public async Task Token_IsShownToItsOwnerOnly_AndRevokedByHimOrAnAdmin()
    {
        await using var gateway = Start();
        var asked = new List<string>();
        gateway.Node.On("GetSnapshot", _ => Task.FromResult<NodeSnapshot?>(Node with { OwnerId = "bert", CordonedUntil = null, TokenCreatedAt = Noon, TokenUsedAt = Noon }))
            .On("RevokeToken", a =>
            {
                asked.Add(((Caller)a[0]!).UserId);
                return Task.FromResult(Node);
            });
        var (alice, root) = (TestGateway.With(gateway.Alice), TestGateway.With(gateway.Root));

        var strangers = (await gateway.Nodes.GetNodeInfoAsync(new() { NodeId = "node-1" }, alice)).Node;
        var admins = (await gateway.Nodes.GetNodeInfoAsync(new() { NodeId = "node-1" }, root)).Node;
        await gateway.Nodes.RevokeNodeTokenAsync(new() { NodeId = "node-1" }, alice);

        Assert.Equal(("", "", "cordoned by its owner or an admin"), (strangers.TokenCreatedAt, strangers.TokenLastUsedAt, strangers.Cordoned));
        Assert.Equal(("2026-11-23T12:00:00.000Z", "2026-11-23T12:00:00.000Z", "new disk"), (admins.TokenCreatedAt, admins.TokenLastUsedAt, admins.Cordoned));
        Assert.Equal(["alice"], asked);
    }

    [Fact]
    public async Task BadFields_AreNamedWithTheirFix_AndNoNodeIsAsked()
    {
        await using var gateway = Start();
        var alice = TestGateway.With(gateway.Alice);

        var cordon = await TestGateway.Fails(gateway.Nodes.CordonNodeAsync(new() { NodeId = "node-1", Reason = new string('x', 201) }, alice));
        var drain = await TestGateway.Fails(gateway.Nodes.DrainNodeAsync(new() { NodeId = "node-1", Reason = "a\nb", DeadlineSeconds = -1 }, alice));
        var late = await TestGateway.Fails(gateway.Nodes.DrainNodeAsync(new() { NodeId = "node-1", DeadlineSeconds = 604_801 }, alice));

        Assert.Equal((StatusCode.InvalidArgument, "reason"), (cordon.StatusCode, Fields(cordon)));
        Assert.Equal((StatusCode.InvalidArgument, "reason deadline_seconds"), (drain.StatusCode, Fields(drain)));
        Assert.Equal("deadline_seconds", Fields(late));
        Assert.Contains("7 days", late.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhoMayNot_IsRefused_AndAnotherLooksLikeUnknown()
    {
        await using var gateway = Start();
        gateway.Node.On("Cordon", _ => Task.FromException<NodeSnapshot>(HiveMindException.NotFound("node", "node-1")))
            .On("Uncordon", _ => Task.FromException<NodeSnapshot>(HiveMindException.NotFound("node", "node-1")));
        var (alice, node) = (TestGateway.With(gateway.Alice), TestGateway.With(gateway.NodeToken));

        foreach (var call in new Func<string, Metadata, Task>[]
        {
            (id, who) => gateway.Nodes.CordonNodeAsync(new() { NodeId = id }, who).ResponseAsync,
            (id, who) => gateway.Nodes.DrainNodeAsync(new() { NodeId = id }, who).ResponseAsync,
            (id, who) => gateway.Nodes.UncordonNodeAsync(new() { NodeId = id }, who).ResponseAsync,
        })
        {
            Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(() => call("node-1", alice))).StatusCode);
            Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(() => call("../node", alice))).StatusCode);
            Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(() => call("", alice))).StatusCode);
            Assert.Equal(StatusCode.PermissionDenied, (await Assert.ThrowsAsync<RpcException>(() => call("node-1", node))).StatusCode);
            Assert.Equal(StatusCode.Unauthenticated, (await Assert.ThrowsAsync<RpcException>(() => call("node-1", []))).StatusCode);
        }
    }

    private static string Fields(RpcException error) =>
        string.Join(' ', error.GetRpcStatus()!.GetDetail<BadRequest>()!.FieldViolations.Select(violation => violation.Field));
}

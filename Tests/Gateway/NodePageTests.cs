using HiveMind.Nodes;
using HiveMind.Storage;

namespace HiveMind.Tests.Gateway;

public sealed class NodePageTests
{
    private readonly List<string> _asked = [];

    [Fact]
    public async Task ListNodes_ByPages_EachNodeOnceAndOnlyTheAskedOnesAreWoken()
    {
        var ids = Enumerable.Range(0, 450).Select(i => $"node-{i:D3}").ToArray();
        var directory = Directory(ids);
        var (first, next) = await directory.Page("", 200, _ => true, default);
        Assert.Equal(400, _asked.Count); // one chunk more, to know whether there are more
        var (second, then) = await directory.Page(next, 200, _ => true, default);
        var (third, end) = await directory.Page(then, 200, _ => true, default);
        Assert.Equal(ids, first.Concat(second).Concat(third).Select(node => node.NodeId));
        Assert.Equal((200, 200, 50, ""), (first.Count, second.Count, third.Count, end));
    }

    [Fact]
    public async Task ListNodes_FewAreWanted_ThePageIsFilledFromFurtherOn()
    {
        var directory = Directory([.. Enumerable.Range(0, 100).Select(i => $"node-{i:D3}")]);
        var (page, next) = await directory.Page("", 3, node => node.NodeId.EndsWith('7'), default);
        Assert.Equal(["node-007", "node-017", "node-027"], page.Select(node => node.NodeId));
        Assert.Equal("node-027", next);
        Assert.Equal("", (await directory.Page("node-087", 3, node => node.NodeId.EndsWith('7'), default)).Next);
    }

    [Fact]
    public async Task ListNodes_NobodyInThePool_EmptyPage() => Assert.Equal((0, ""), ((await Directory([]).Page("", 200, _ => true, default)) is var (page, next) ? (page.Count, next) : default));

    private NodeDirectory Directory(IReadOnlyList<string> ids)
    {
        var grains = FakeGrains.New().AddOthers<INodeGrain>(id => Stub<INodeGrain>.New().On("GetSnapshot", _ =>
        {
            lock (_asked) _asked.Add(id);
            return Task.FromResult<NodeSnapshot?>(new NodeSnapshot
            {
                NodeId = id, OwnerId = "o", OwnerName = "o", NodeType = NodeTypes.Worker, Hostname = "h", Status = "online", Usage = new(0, 0, 0),
                Capabilities = new() { CpuCores = 1, MemoryMb = 1 },
            });
        }).Object);
        return new(grains.Object, Stub<INodeIndex>.New().On("All", _ => Task.FromResult(ids)).Object, TimeProvider.System);
    }
}

using HiveMind.Scheduling;
using static HiveMind.Tests.Scheduling.CoreTalk;

namespace HiveMind.Tests.Scheduling;

public sealed class ExplainTests
{
    public sealed record Case(string Name, PendingTask Task, NodeView[] Nodes, string Reason, string Text)
    {
        public override string ToString() => Name;
    }

    public static readonly TheoryData<Case> Cases =
    [
        new Case("no node", new TaskBuilder("t"), [], "NO_NODES", "No node is connected"),
        new Case("only a draining node", new TaskBuilder("t"), [new NodeBuilder("n").Draining()], "NO_NODES", "Every connected node is leaving"),
        new Case("type", new TaskBuilder("t").Type("docker"), [new NodeBuilder("n").Types("python", "noop")],
            "INFEASIBLE_TYPE", "runs tasks of type 'docker'; they run 'noop', 'python'"),
        new Case("owner", new TaskBuilder("t").Of("bob"), [new NodeBuilder("n").Of("anna").OwnTasksOnly()],
            "INFEASIBLE_OWNER", "takes only its owner's tasks"),
        new Case("no gpu", new TaskBuilder("t").Gpus(1), [new NodeBuilder("n")],
            "INFEASIBLE_GPU", "no connected node that may run it has one"),
        new Case("few gpus", new TaskBuilder("t").Gpus(4), [new NodeBuilder("n").Size(4, 8192, 2)],
            "INFEASIBLE_GPU", "needs 4 GPUs and the most on one connected node is 2"),
        new Case("cores", new TaskBuilder("t").Cores(64), [new NodeBuilder("s").Size(2), new NodeBuilder("l").Size(8)],
            "INFEASIBLE_SIZE", "asks for 64 cores and 256 MB; the largest connected node that may run it, 'l', has 8 cores and 8192 MB"),
        new Case("memory", new TaskBuilder("t").Memory(9000), [new NodeBuilder("s").Size(64, 4096), new NodeBuilder("l").Size(2, 8192)],
            "INFEASIBLE_SIZE", "'l', has 2 cores and 8192 MB"),
        new Case("both, on no single node", new TaskBuilder("t").Cores(8).Memory(8000),
            [new NodeBuilder("cores").Size(64, 4096), new NodeBuilder("memory").Size(2, 8192)], "INFEASIBLE_SIZE", "'memory', has 2 cores"),
        new Case("a size only strangers' nodes have", new TaskBuilder("t").Cores(8).Of("bob"),
            [new NodeBuilder("big").Size(64).Of("anna").OwnTasksOnly(), new NodeBuilder("open").Size(4)],
            "INFEASIBLE_SIZE", "'open', has 4 cores"),
        new Case("full", new TaskBuilder("t"), [new NodeBuilder("n").Free(0)], "WAITING_CAPACITY", "it is the next of this account's tasks"),
        new Case("backoff", new TaskBuilder("t").NotBefore(Now.AddSeconds(50)), [new NodeBuilder("n")],
            "HELD_BACKOFF", "again at 13:00:50 UTC"),
        new Case("placed", new TaskBuilder("t"), [new NodeBuilder("n")], "STARTING", "A node was found"),
    ];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Explain_EachKindOfNo_SaysWhich(Case its)
    {
        var core = NewCore().Enqueue(its.Task).Nodes(its.Nodes);
        core.Propose();

        var why = core.Explain("t", Now);
        Assert.Equal(its.Reason, why.Reason);
        Assert.Contains(its.Text, why.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Explain_UnknownTask_SaysSo() => Assert.Equal("UNKNOWN", NewCore().Explain("t", Now).Reason);

    [Theory]
    [InlineData(1, "; 1 task of the same account goes before it")]
    [InlineData(7, "; 7 tasks of the same account go before it")]
    [InlineData(5000, "; 1000 tasks of the same account or more go before it")]
    public void Explain_OthersAhead_CountsThemUpToItsBound(int ahead, string text)
    {
        var core = NewCore().Nodes(new NodeBuilder("n").Free(0));
        core.Enqueue(new TaskBuilder("t").At(ahead), new TaskBuilder("behind").At(ahead + 1));
        for (var i = 0; i < ahead; i++) core.Enqueue(new TaskBuilder($"a{i}").Cores(1 + i % 3).At(i));

        Assert.Contains(text, core.Explain("t", Now).Text, StringComparison.Ordinal);
    }
}

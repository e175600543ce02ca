using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using HiveMind.Monitoring;
using HiveMind.Scheduling;
using HiveMind.Tasks;
using static HiveMind.Monitoring.HubTelemetry;

namespace HiveMind.Nodes;

/// <summary>
/// The nodes whose grains live on this silo, summed when somebody looks: no grain is asked and no node is named. The silos' figures
/// add up to the pool's, because the sweeper keeps every registered node's grain awake.
/// </summary>
internal static class NodeInstruments
{
    private const string Drained = "DRAINED";
    private static readonly string[] States = ["online", "busy", "offline"];
    private static readonly string[] Cordons = [NodeGauges.Asked, NodeGauges.Failing];
    private static readonly ConcurrentDictionary<MeteredNode, bool> Here = [];

    private static readonly Counter<long> LostNodes =
        Figures.CreateCounter<long>("hivemind.nodes.lost", "{node}", "Nodes whose lease ended, by cause: DRAINED ones had said so before.");
    private static readonly Counter<long> Connections =
        Figures.CreateCounter<long>("hivemind.nodes.connections", "{connection}", "Connections that workers made, each a new epoch.");
    private static readonly Counter<long> CordonedNodes =
        Figures.CreateCounter<long>("hivemind.nodes.failing", "{cordon}", "Cordons because tasks of several accounts failed on a node one after another.");

    static NodeInstruments()
    {
        Figures.CreateObservableGauge("hivemind.nodes", CountByState, "{node}", "Registered nodes by state.");
        Figures.CreateObservableGauge("hivemind.nodes.cordoned", CountCordoned, "{node}", "Connected nodes that are given nothing new, by why: asked, failing.");
        Figures.CreateObservableGauge("hivemind.tasks.running", () => Sum(n => n.Attempts), "{task}", "Attempts that nodes hold.");
        Figures.CreateObservableGauge("hivemind.capacity.cpu", () => Sum(n => n.Total.MilliCores) / 1000.0, "{core}", "Cores of nodes that are not offline.");
        Figures.CreateObservableGauge(
            "hivemind.capacity.cpu.free", () => Sum(n => n.Free.MilliCores) / 1000.0, "{core}", "Of these cores, those that are not reserved.");
        Figures.CreateObservableGauge("hivemind.capacity.memory", () => Sum(n => n.Total.MemoryMb) << 20, "By", "Memory of nodes that are not offline.");
        Figures.CreateObservableGauge("hivemind.capacity.memory.free", () => Sum(n => n.Free.MemoryMb) << 20, "By", "Of this memory, what is not reserved.");
        Figures.CreateObservableGauge("hivemind.capacity.gpus", () => Sum(n => n.Total.Gpus), "{gpu}", "GPUs of nodes that are not offline.");
        Figures.CreateObservableGauge("hivemind.capacity.gpus.free", () => Sum(n => n.Free.Gpus), "{gpu}", "Of these GPUs, those that are not reserved.");
    }

    public static void Announce()
    {
        foreach (var cause in new[] { Causes.NodeLost, Causes.NodeRemoved, Drained }) LostNodes.Add(0, Tag("cause", cause));
        Connections.Add(0);
        CordonedNodes.Add(0);
    }

    public static void Known(MeteredNode node) => Here.TryAdd(node, true);

    public static void Left(MeteredNode node) => Here.TryRemove(node, out _);

    public static void Connected() => Connections.Add(1);

    public static void CordonedForFailures() => CordonedNodes.Add(1);

    /// <summary>A worker that was told to stop drains first: nobody needs to look after it.</summary>
    public static void Lost(string cause, bool drained) => LostNodes.Add(1, Tag("cause", drained ? Drained : cause));

    private static IEnumerable<Measurement<long>> CountByState() =>
        States.Select(state => new Measurement<long>(Here.Count(node => node.Key.Now.State == state), Tag("state", state)));

    private static IEnumerable<Measurement<long>> CountCordoned() =>
        Cordons.Select(why => new Measurement<long>(Here.Count(node => node.Key.Now.Cordoned == why && node.Key.Now.State != "offline"), Tag("why", why)));

    /// <summary>Goes through the dictionary itself: its Keys would be a copy, made under all of its locks.</summary>
    private static long Sum(Func<NodeGauges, long> part) => Here.Sum(node => part(node.Key.Now));
}

/// <summary>One node's figures as its grain last said them; replaced whole, so that another thread reads what belongs together.</summary>
internal sealed class MeteredNode
{
    private volatile Box _now = new(new("offline", ResourceMath.Nothing, ResourceMath.Nothing, 0, ""));

    public NodeGauges Now => _now.Figures;

    /// <summary>An offline node offers nothing, whatever it has.</summary>
    public void Say(NodeGauges figures) =>
        _now = new(figures.State == "offline" ? figures with { Total = ResourceMath.Nothing, Free = ResourceMath.Nothing } : figures);

    private sealed record Box(NodeGauges Figures);
}

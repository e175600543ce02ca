using System.CommandLine;
using System.Globalization;
using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>`nodes`: the machines of the pool.</summary>
internal sealed class NodesVerb : Verb
{
    private readonly Option<string?> status = new("--status") { Description = "Only online, busy or offline ones.", HelpName = "WORD" };

    public NodesVerb(Terminal terminal) : base("nodes", "List the machines of the pool.", terminal) => Add(status);

    /// <summary>A node as scripts read it. Names are a promise: append only.</summary>
    public static object Shape(NodeInfo node) => new
    {
        node.NodeId, node.NodeType, node.Owner, node.Hostname, node.Status, node.Connected, node.LastHeartbeat, node.RegisteredAt,
        CpuCores = node.Capabilities?.CpuCores ?? 0, MemoryMb = node.Capabilities?.MemoryMb ?? 0,
        GpuCount = node.Capabilities?.GpuCount ?? 0, Sandboxed = node.Capabilities?.Sandboxed ?? false,
        AcceptsStrangers = node.Capabilities?.AcceptsStrangers ?? false, SupportedTasks = node.Capabilities?.SupportedTasks.ToArray() ?? [],
        node.FreeCpuCores, node.FreeMemoryMb, node.TaskCount, node.CompletedTasks, node.FailedTasks, node.MeanDurationSeconds,
        node.CreditsEarned, node.Cordoned, node.CordonedUntil, node.DrainDeadline,
    };

    /// <summary>The word of its status; that it is given nothing new, where that is so.</summary>
    public static string Status(NodeInfo node) =>
        node.Cordoned.Length == 0 ? node.Status : node.DrainDeadline.Length > 0 ? $"{node.Status}, draining" : $"{node.Status}, cordoned";

    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        using var hub = await Connect(parsed, stop);
        var nodes = (await hub.Nodes.ListNodesAsync(
            new ListNodesRequest { Status = parsed.GetValue(status) ?? "" }, cancellationToken: stop)).Nodes;
        var table = new TextTable("node", "owner", "status", "cores free", "memory MB", "gpus", "running", "done", "failed", "earned");
        foreach (var node in nodes)
        {
            var has = node.Capabilities ?? new NodeCapabilities();
            table.Add(
                node.NodeId, node.Owner, Status(node), $"{Words.Number(node.FreeCpuCores)} of {Words.Number(has.CpuCores)}",
                Text(has.MemoryMb), Text(has.GpuCount), Text(node.TaskCount), Text(node.CompletedTasks), Text(node.FailedTasks),
                Words.Credits(node.CreditsEarned));
        }

        table.Show(Terminal, new { Nodes = nodes.Select(Shape) });
        foreach (var node in nodes.Where(node => node.Cordoned.Length > 0)) Terminal.Hint($"{node.NodeId}: {Cordons.Sentence(node)}");
        if (nodes.Any(node => node.Cordoned.Length > 0)) Terminal.Hint($"To give a machine work again: {Next(parsed, "node-uncordon NODE")}");
        if (nodes.Count == 0)
        {
            Terminal.Hint($"No machine yet. Lend this one: {Next(parsed, "worker")}");
        }

        return ExitCodes.Ok;
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}

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
        node.CreditsEarned,
        GpuModel = node.Capabilities?.GpuModel ?? "", GpuMemoryMb = node.Capabilities?.GpuMemoryMb ?? 0, DiskMb = node.Capabilities?.DiskMb ?? 0,
        Labels = new SortedDictionary<string, string>(node.Capabilities?.Labels ?? [], StringComparer.Ordinal),
        node.Cordoned, node.CordonedUntil, node.DrainDeadline, node.OthersAtOnce,
    };

    /// <summary>The word of its status; that it is given nothing new, where that is so.</summary>
    public static string Status(NodeInfo node) =>
        node.Cordoned.Length == 0 ? node.Status : node.DrainDeadline.Length > 0 ? $"{node.Status}, draining" : $"{node.Status}, cordoned";

    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        using var hub = await Connect(parsed, stop);
        var nodes = await NodeList.Read(hub, parsed.GetValue(status) ?? "", stop);
        var table = new TextTable("node", "owner", "status", "cores free", "memory MB", "disk MB", "gpus", "running", "done", "failed", "earned", "labels");
        foreach (var node in nodes)
        {
            var has = node.Capabilities ?? new NodeCapabilities();
            table.Add(
                node.NodeId, node.Owner, Status(node), $"{Words.Number(node.FreeCpuCores)} of {Words.Number(has.CpuCores)}",
                Text(has.MemoryMb), has.DiskMb > 0 ? Text(has.DiskMb) : "-", Gpus(has), Text(node.TaskCount), Text(node.CompletedTasks), Text(node.FailedTasks),
                Words.Credits(node.CreditsEarned), Labels(has));
        }

        table.Show(Terminal, new { Nodes = nodes.Select(Shape) });
        foreach (var node in nodes.Where(node => node.Cordoned.Length > 0)) Terminal.Hint($"{node.NodeId}: {Cordons.Sentence(node)}");
        if (nodes.Any(node => node.Cordoned.Length > 0)) Terminal.Hint($"To give a machine work again: {Next(parsed, "node-uncordon NODE")}");
        foreach (var node in nodes.Where(node => node is { OthersAtOnce: > 0, Connected: true, Capabilities.AcceptsStrangers: true }))
            Terminal.Hint($"{node.NodeId}: new, so it holds up to {Text(node.OthersAtOnce)} tasks of others at a time; each that succeeds doubles that");
        if (nodes.Count == 0)
        {
            Terminal.Hint($"No machine yet. Lend this one: {Next(parsed, "worker")}");
        }

        return ExitCodes.Ok;
    }

    /// <summary>`2 × H200 (143771 MB)`: the model as a task must name it.</summary>
    private static string Gpus(NodeCapabilities has) => has.GpuCount == 0 ? "-"
        : Text(has.GpuCount) + (has.GpuModel.Length > 0 ? $" × {has.GpuModel}" : "") + (has.GpuMemoryMb > 0 ? $" ({Text(has.GpuMemoryMb)} MB)" : "");

    private static string Labels(NodeCapabilities has) =>
        Words.OrDash(string.Join(' ', has.Labels.OrderBy(label => label.Key, StringComparer.Ordinal).Select(label => $"{label.Key}={label.Value}")));

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}

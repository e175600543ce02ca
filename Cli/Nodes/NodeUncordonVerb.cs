using System.CommandLine;
using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>`node-uncordon`: a machine takes work again, whoever or whatever put it aside.</summary>
internal sealed class NodeUncordonVerb : Verb
{
    private readonly Argument<string> nodeId = new("NODE");

    public NodeUncordonVerb(Terminal terminal) : base("node-uncordon", "Give one of your machines work again.", terminal) => Add(nodeId);

    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        using var hub = await Connect(parsed, stop);
        var id = parsed.GetRequiredValue(nodeId);
        var node = (await hub.Nodes.UncordonNodeAsync(new UncordonNodeRequest { NodeId = id }, cancellationToken: stop)).Node;
        Terminal.Result($"Node {id} takes work again{(node.Connected ? "" : " once its worker is connected")}.", Cordons.Shape(node));
        return ExitCodes.Ok;
    }
}

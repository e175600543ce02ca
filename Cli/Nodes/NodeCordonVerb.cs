using System.CommandLine;
using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>`node-cordon`: nothing new for a machine; what runs there goes on.</summary>
internal sealed class NodeCordonVerb : Verb
{
    private readonly Argument<string> nodeId = new("NODE");
    private readonly Option<string?> reason = new("--reason") { Description = "Shown to whoever asks why it gets no work.", HelpName = "TEXT" };

    public NodeCordonVerb(Terminal terminal) : base("node-cordon", "Give one of your machines nothing new.", terminal)
    {
        Add(nodeId);
        Add(reason);
    }

    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        using var hub = await Connect(parsed, stop);
        var id = parsed.GetRequiredValue(nodeId);
        var request = new CordonNodeRequest { NodeId = id, Reason = parsed.GetValue(reason) ?? "" };
        var node = (await hub.Nodes.CordonNodeAsync(request, cancellationToken: stop)).Node;
        Terminal.Result($"Node {id} is cordoned; {Cordons.Runs(node)}.", Cordons.Shape(node));
        if (node.TaskCount > 0) Terminal.Hint($"Until it is empty: {Next(parsed, $"node-drain {id} --wait")}");
        Terminal.Hint($"Give it work again: {Next(parsed, $"node-uncordon {id}")}");
        return ExitCodes.Ok;
    }
}

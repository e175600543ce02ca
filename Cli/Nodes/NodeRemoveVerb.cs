using System.CommandLine;
using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>`node-remove`: takes a machine out of the pool; what runs on it is run elsewhere.</summary>
internal sealed class NodeRemoveVerb : Verb
{
    private readonly Argument<string> nodeId = new("NODE");

    public NodeRemoveVerb(Terminal terminal) : base("node-remove", "Take one of your machines out of the pool.", terminal) => Add(nodeId);

    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        using var hub = await Connect(parsed, stop);
        var id = parsed.GetRequiredValue(nodeId);
        await hub.Nodes.UnregisterNodeAsync(new UnregisterNodeRequest { NodeId = id }, cancellationToken: stop);
        new NodeTokenFile(UserFolders.Config).Remove(hub.Address, id);
        Terminal.Result($"Node {id} is out of the pool.", new { NodeId = id, Removed = true });
        return ExitCodes.Ok;
    }
}

using System.CommandLine;
using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>`node-token-revoke`: whoever holds a machine's token can do nothing with it any more.</summary>
internal sealed class NodeTokenRevokeVerb : Verb
{
    private readonly Argument<string> nodeId = new("NODE");

    public NodeTokenRevokeVerb(Terminal terminal)
        : base("node-token-revoke", "Make the token of one of your machines good for nothing.", terminal) => Add(nodeId);

    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        using var hub = await Connect(parsed, stop);
        var id = parsed.GetRequiredValue(nodeId);
        await hub.Nodes.RevokeNodeTokenAsync(new RevokeNodeTokenRequest { NodeId = id }, cancellationToken: stop);
        new NodeTokenFile(UserFolders.Config).Remove(hub.Address, id);
        Terminal.Result($"The token of node {id} is revoked.", new { NodeId = id, Revoked = true });
        Terminal.Hint($"A new one: {Next(parsed, $"node-token {id}")}");
        return ExitCodes.Ok;
    }
}

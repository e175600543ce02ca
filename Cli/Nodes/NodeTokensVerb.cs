using System.CommandLine;
using System.Globalization;
using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>`node-tokens`: which of one's machines have a token, how old it is and when it was last used. Never the token.</summary>
internal sealed class NodeTokensVerb : Verb
{
    private static readonly TimeSpan Soon = TimeSpan.FromDays(7);

    public NodeTokensVerb(Terminal terminal) : base("node-tokens", "List the tokens of your machines, by age and last use.", terminal)
    {
    }

    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        using var hub = await Connect(parsed, stop);
        var nodes = (await hub.Nodes.ListNodesAsync(new ListNodesRequest(), cancellationToken: stop)).Nodes.Where(node => node.TokenCreatedAt.Length > 0).ToList();
        var table = new TextTable("node", "owner", "made", "last used", "ends");
        foreach (var node in nodes)
        {
            table.Add(node.NodeId, node.Owner, node.TokenCreatedAt, Words.OrDash(node.TokenLastUsedAt), Words.OrDash(node.TokenExpiresAt));
        }

        table.Show(Terminal, new
        {
            Tokens = nodes.Select(node => new { node.NodeId, node.Owner, node.TokenCreatedAt, node.TokenLastUsedAt, node.TokenExpiresAt }),
        });
        foreach (var node in nodes.Where(EndsSoon)) Terminal.Hint($"The token of {node.NodeId} ends at {node.TokenExpiresAt}. A new one: {Next(parsed, $"node-token {node.NodeId} --replace")}");
        return ExitCodes.Ok;
    }

    private static bool EndsSoon(NodeInfo node) =>
        DateTimeOffset.TryParse(node.TokenExpiresAt, CultureInfo.InvariantCulture, out var at) && at - TimeProvider.System.GetUtcNow() < Soon;
}

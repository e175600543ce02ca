using System.CommandLine;
using Grpc.Core;
using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>`node-token`: makes a node for another machine and prints what its worker needs, so that nobody logs in there.</summary>
internal sealed class NodeTokenVerb : Verb
{
    private readonly Argument<string?> nodeId = new("NODE")
    {
        Description = "Name of the node (the hub chooses one).", Arity = ArgumentArity.ZeroOrOne,
    };
    private readonly Option<string?> output =
        new("--output", "-o") { Description = "Write the token to a file that only you can read, instead of printing it.", HelpName = "FILE" };
    private readonly Option<string?> address =
        new("--address") { Description = "Host or address under which the other machine reaches the hub.", HelpName = "HOST" };
    private readonly Option<bool> replace = new("--replace") { Description = "Also where a worker is connected as this node: it is cut off." };

    public NodeTokenVerb(Terminal terminal) : base("node-token", "Make a token with which another machine lends itself, without a login.", terminal)
    {
        Add(nodeId);
        Add(output);
        Add(address);
        Add(replace);
    }

    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        using var hub = await Connect(parsed, stop);
        var reached = await HubFromAfar.Find(hub.Address, parsed.GetValue(address), stop);
        var asked = parsed.GetValue(nodeId) ?? "";
        if (asked.Length > 0 && !parsed.GetValue(replace))
        {
            await RefuseConnected(hub, parsed, asked, stop);
        }

        var request = new RegisterNodeRequest
        {
            // The worker measures its machine and says so when it connects; until then the node is never given a task.
            NodeId = asked, NodeType = "worker", Capabilities = new NodeCapabilities { CpuCores = 1, MemoryMb = 1024 },
        };
        var answer = await hub.Nodes.RegisterNodeAsync(request, cancellationToken: stop);
        // Kept here from an earlier registration, its token is good for nothing any more.
        new NodeTokenFile(UserFolders.Config).Remove(hub.Address, answer.AssignedId);
        Show(parsed, new NodeToken(HubAddress.Full(reached), answer.AssignedId, answer.NodeToken));
        return ExitCodes.Ok;
    }

    private static async Task RefuseConnected(HubClient hub, ParseResult parsed, string id, CancellationToken stop)
    {
        try
        {
            var node = (await hub.Nodes.GetNodeInfoAsync(new GetNodeInfoRequest { NodeId = id }, cancellationToken: stop)).Node;
            if (node.Connected)
            {
                throw CliException.Usage($"A worker is connected as node {id}, and a new token would cut it off: choose another name, or say --replace.\n"
                    + $"All nodes: {Next(parsed, "nodes")}");
            }
        }
        catch (RpcException unknown) when (unknown.StatusCode == StatusCode.NotFound)
        {
            // A new node, or another's, which the registration refuses.
        }
    }

    private void Show(ParseResult parsed, NodeToken token)
    {
        if (parsed.GetValue(output) is { } file)
        {
            PrivateFile.Write(Path.GetFullPath(file), token.ToLine() + "\n");
            Terminal.Result(Path.GetFullPath(file), new { token.NodeId, token.Hub, TokenFile = Path.GetFullPath(file) });
            Terminal.Hint($"Node {token.NodeId}. Move that file to the other machine (it is a secret) and type there:");
            Terminal.Hint($"  hivemind worker --token-file {Path.GetFileName(file)}");
            return;
        }

        Terminal.Result(token.ToLine(), new { token.NodeId, token.Hub, NodeToken = token.Token });
        Terminal.Hint($"Node {token.NodeId}. On the other machine type");
        Terminal.Hint("  hivemind worker --token-file -");
        Terminal.Hint("and paste the line above; it is a secret, so never put it into a command. Or carry it in a file:");
        Terminal.Hint($"  {Next(parsed, $"node-token {token.NodeId} --output {token.NodeId}.token")}");
    }
}

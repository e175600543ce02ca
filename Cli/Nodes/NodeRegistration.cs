using System.Text.RegularExpressions;
using Grpc.Core;
using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>Makes this machine a node of a hub: with the secret kept from last time, or by registering it with the login.</summary>
internal sealed partial class NodeRegistration(HubClient hub, NodeTokenFile tokens, string machineId)
{
    /// <summary>The host's name as an id the hub accepts.</summary>
    public static string DefaultId(string hostname)
    {
        var id = NotAllowed().Replace(hostname, "-").Trim('-', '.');
        return id.Length == 0 ? "node" : id[..Math.Min(id.Length, 64)];
    }

    public async Task<StoredNode> Ensure(string? askedId, NodeCapabilities capabilities, CancellationToken stop)
    {
        var candidates = askedId is null ? DefaultIds() : [askedId];
        foreach (var id in candidates)
        {
            if (tokens.Read(hub.Address, id) is { } kept && IsMine(kept) && await StillWorks(kept, stop))
            {
                return kept;
            }
        }

        for (var index = 0; ; index++)
        {
            try
            {
                return await Register(candidates[index], capabilities, stop);
            }
            catch (RpcException taken) when (IsTaken(taken) && index + 1 < candidates.Count)
            {
                // Another machine has this one's name, of this account or of somebody else: the next candidate says more.
            }
        }
    }

    private List<string> DefaultIds()
    {
        var host = DefaultId(Environment.MachineName);
        var own = DefaultId($"{host[..Math.Min(host.Length, 57)]}-{machineId[..6]}");
        return hub.Session is null ? [host, own] : [host, DefaultId($"{host}-{hub.Session.Username}"), own];
    }

    private static bool IsTaken(RpcException refused) =>
        refused.StatusCode == StatusCode.PermissionDenied || RpcFailure.ReasonOf(refused) is "NODE_IN_USE" or "NODE_OF_ANOTHER_MACHINE";

    private bool IsMine(StoredNode kept) => hub.Session is null || kept.UserId == hub.Session.UserId;

    private async Task<bool> StillWorks(StoredNode kept, CancellationToken stop)
    {
        try
        {
            using var node = HubClient.WithToken(hub.Address, kept.NodeToken);
            await node.Nodes.UpdateNodeStatusAsync(new UpdateNodeStatusRequest { NodeId = kept.NodeId }, cancellationToken: stop);
            return true;
        }
        catch (RpcException gone) when (gone.StatusCode is StatusCode.Unauthenticated or StatusCode.NotFound or StatusCode.PermissionDenied)
        {
            return false;
        }
        catch (RpcException away) when (away.StatusCode is StatusCode.Unavailable or StatusCode.DeadlineExceeded)
        {
            // Nobody said no: the worker waits for the hub by itself.
            return true;
        }
    }

    private async Task<StoredNode> Register(string id, NodeCapabilities capabilities, CancellationToken stop)
    {
        var request = new RegisterNodeRequest
        {
            NodeId = id, NodeType = "worker", Hostname = Environment.MachineName, Capabilities = capabilities, MachineId = machineId,
        };
        var answer = await hub.Nodes.RegisterNodeAsync(request, cancellationToken: stop);
        var node = new StoredNode(HubAddress.Key(hub.Address), answer.AssignedId, hub.Session?.UserId ?? "", answer.NodeToken);
        tokens.Write(hub.Address, node);
        return node;
    }

    [GeneratedRegex("[^A-Za-z0-9._-]+")]
    private static partial Regex NotAllowed();
}

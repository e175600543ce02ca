using System.Security.Cryptography;
using Grpc.Core;
using HiveMind.Auditing;
using HiveMind.Edge;
using HiveMind.Rewards;
using Wire = HiveMind.Protos;

namespace HiveMind.Nodes;

/// <summary>Machines that come to the pool and leave it, and their tokens.</summary>
internal sealed class NodeRegistrationHandler(IGrainFactory grains, NodeInfos infos, NodeAudit audit)
{
    /// <param name="request">Checked.</param>
    /// <param name="context">Of a user's call.</param>
    public async Task<Wire.RegisterNodeResponse> Register(Wire.RegisterNodeRequest request, ServerCallContext context)
    {
        var id = request.NodeId.Length > 0 ? request.NodeId : $"node-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}";
        var owner = UserCall.Of(context).Acting;
        var load = grains.GetGrain<IAccountLoadGrain>(owner.UserId);
        var isNew = await load.AdmitNode(id, owner.Role);
        var node = grains.GetGrain<INodeGrain>(id);
        var isKnown = await node.GetSnapshot() is not null;
        NodeRegistered registered;
        try
        {
            registered = await node.Register(NodeMapping.ToRegistration(request, owner));
        }
        catch (HiveMindException refused) when (isNew && refused.Kind != FailureKind.Unavailable)
        {
            await load.NodeGone(id);
            throw;
        }

        await audit.Note(isKnown ? AuditActions.NodeTokenRotated : AuditActions.NodeRegistered, id, context);
        return new Wire.RegisterNodeResponse { Success = true, Message = "Registered.", AssignedId = registered.NodeId, NodeToken = registered.NodeToken };
    }

    public async Task<Wire.UnregisterNodeResponse> Unregister(Wire.UnregisterNodeRequest request, ServerCallContext context)
    {
        var call = UserCall.Of(context);
        await grains.NamedNode(request.NodeId).Unregister(call.Caller);
        await audit.Note(AuditActions.NodeRemoved, request.NodeId, context);
        await grains.GetGrain<IAccountLoadGrain>(call.Acting.UserId).NodeGone(request.NodeId);
        return new Wire.UnregisterNodeResponse { Success = true, Message = "Unregistered." };
    }

    public async Task<Wire.RevokeNodeTokenResponse> RevokeToken(Wire.RevokeNodeTokenRequest request, ServerCallContext context)
    {
        var node = await grains.NamedNode(request.NodeId).RevokeToken(UserCall.Of(context).Caller);
        await audit.Note(AuditActions.NodeTokenRevoked, request.NodeId, context);
        return new Wire.RevokeNodeTokenResponse { Success = true, Message = "Revoked.", Node = await infos.Of(node, context) };
    }
}

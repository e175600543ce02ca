using Grpc.Core;
using HiveMind.Auditing;
using HiveMind.Edge;

namespace HiveMind.Nodes;

/// <summary>Changes of nodes in the audit log.</summary>
internal sealed class NodeAudit(IAuditLog audit)
{
    /// <summary>After the grain's commit and before the answer: who did it, from where.</summary>
    public Task Note(string action, string nodeId, ServerCallContext context, string after = "") =>
        audit.Note(new(Actor.Of(UserCall.Of(context).Acting), action, nodeId, After: after), CancellationToken.None);
}

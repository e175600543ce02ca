using System.Security.Cryptography;
using HiveMind.Tasks;

namespace HiveMind.Nodes;

/// <summary>
/// Whose machine it is, and whether that account may still lend it. The account's own grain knows at once when it is deactivated; a node
/// that is connected asks it every few seconds, and with every connection and call of its worker, so that no word can get lost.
/// </summary>
public sealed partial class NodeMachine
{
    private static readonly TimeSpan OwnerAge = TimeSpan.FromSeconds(3);

    private bool _ownerIsActive = true;
    private TimeSpan? _ownerAskedAt;
    private DateTimeOffset? _tokenUsedAt;

    private bool MayWork => _node is { Suspended: false } && _ownerIsActive;

    /// <summary>Throws Unauthenticated unless it is this node's token and may be used. Excludes nothing.</summary>
    public IEnumerable<Effect> CheckToken(byte[] secretHash, Reply<NodeIdentity> reply)
    {
        if (_node is null) _to.Leave(); // ids of nodes that are gone must not fill memory
        if (!IsToken(secretHash)) throw HiveMindException.Unauthenticated();
        foreach (var wait in AskOwner()) yield return wait;
        if (!_ownerIsActive || !IsToken(secretHash)) throw HiveMindException.Unauthenticated();
        _tokenUsedAt = _now.Wall;
        reply.Value = new(_id, _node!.OwnerId);
    }

    public IEnumerable<Effect> OwnerChanged()
    {
        if (_node is null)
        {
            _to.Leave();
            yield break;
        }

        foreach (var wait in AskOwnerAnew()) yield return wait;
        foreach (var wait in FollowOwner()) yield return wait;
    }

    /// <summary>The token as a secret: known, not too old. Whose it is, is asked apart.</summary>
    private bool IsToken(byte[] secretHash) => _node is { } node && CryptographicOperations.FixedTimeEquals(node.TokenHash, secretHash) && !HasExpired(node);

    private bool HasExpired(NodeRecord node) => _policy.TokenMaxAge > TimeSpan.Zero && _now.Wall - (node.TokenCreatedAt ?? node.RegisteredAt) >= _policy.TokenMaxAge;

    private IEnumerable<Effect> AskOwnerAnew()
    {
        _ownerAskedAt = null;
        return AskOwner();
    }

    /// <summary>Up to some seconds old. Where the account cannot be asked, what was last known goes on; a suspension is durable.</summary>
    private IEnumerable<Effect> AskOwner()
    {
        if (_ownerAskedAt is { } at && _now.Since(at) < OwnerAge) yield break;
        var ask = new AskOwner();
        yield return ask;
        if (ask.IsActive is { } isActive) _ownerIsActive = isActive;
        if (ask.HasAnswered) _ownerAskedAt = _now.Clock;
    }

    /// <summary>
    /// What it means for this machine: its lease ends, its stream is closed, its attempts of others are lost at no cost to them, what it has finished
    /// and not yet reported is refused and paid to nobody. Reinstated, it connects as before.
    /// </summary>
    private IEnumerable<Effect> FollowOwner()
    {
        if (_node is not { } node || node.Suspended == !_ownerIsActive) yield break;
        if (_ownerIsActive)
        {
            foreach (var wait in Save(node with { Suspended = false, LastChangeAt = _now.Wall }, SaveOf.Owner)) yield return wait;
            _to.Happened(new NodeEvent.Reinstated());
            yield break;
        }

        _to.Happened(new NodeEvent.Suspended(node.OwnerId));
        var ending = node.HoldsLease || _held.Count > 0
            ? End(Causes.NodeSuspended)
            : Save(node with { Suspended = true, Epoch = node.Epoch + 1, LastChangeAt = _now.Wall }, SaveOf.Owner);
        foreach (var wait in ending) yield return wait;
    }
}

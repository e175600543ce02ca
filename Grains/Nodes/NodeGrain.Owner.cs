using HiveMind.Tasks;
using HiveMind.Users;

namespace HiveMind.Nodes;

/// <summary>
/// Whose machine it is, and whether that account may still lend it. The account's own grain knows at once when it is deactivated; a node
/// that is connected asks it every few seconds, and with every connection and call of its worker, so that no word can get lost.
/// </summary>
public sealed partial class NodeGrain
{
    private static readonly TimeSpan OwnerAge = TimeSpan.FromSeconds(3);

    private bool _ownerIsActive = true;
    private long? _ownerAskedAt;
    private Task _asking = Task.CompletedTask;
    private DateTimeOffset? _tokenUsedAt;

    private bool MayWork => _node is { Suspended: false } && _ownerIsActive;

    /// <summary>The token as a secret: known, not too old. Whose it is, is asked apart.</summary>
    private bool HasExpired(NodeRecord node) =>
        Limits.TokenMaxAge > TimeSpan.Zero && time.GetUtcNow() - (node.TokenCreatedAt ?? node.RegisteredAt) >= Limits.TokenMaxAge;

    public async Task OwnerChanged()
    {
        if (_node is null)
        {
            DeactivateOnIdle();
            return;
        }

        await AskOwnerAnew();
        await FollowOwner();
    }

    private Task AskOwnerAnew()
    {
        _ownerAskedAt = null;
        return AskOwner();
    }

    /// <summary>Up to some seconds old. Where the account cannot be asked, what was last known goes on; a suspension is durable.</summary>
    private Task AskOwner()
    {
        if (_ownerAskedAt is { } at && time.GetElapsedTime(at) < OwnerAge) return Task.CompletedTask;
        return _asking.IsCompleted ? _asking = Ask() : _asking;

        async Task Ask()
        {
            try
            {
                _ownerIsActive = await GrainFactory.GetGrain<IUserGrain>(_node!.OwnerId).GetAccount() is not { IsActive: false };
                _ownerAskedAt = time.GetTimestamp();
            }
            catch (Exception unreadable) when (HiveMindException.IsUnreadable(unreadable))
            {
                _ownerAskedAt = time.GetTimestamp(); // its store has named it; asked as often as any other
            }
            catch (Exception error)
            {
                LogOwnerNotAsked(error, Id);
            }
        }
    }

    /// <summary>
    /// What it means for this machine: its lease ends, its stream is closed, its attempts of others are lost at no cost to them, what it has finished
    /// and not yet reported is refused and paid to nobody. Reinstated, it connects as before.
    /// </summary>
    private async Task FollowOwner()
    {
        if (_node is not { } node || node.Suspended == !_ownerIsActive) return;
        if (_ownerIsActive)
        {
            await Save(node with { Suspended = false, LastChangeAt = time.GetUtcNow() });
            LogReinstated(Id);
            return;
        }

        LogSuspended(Id, node.OwnerId);
        if (node.HoldsLease || _wanted.Count > 0) await End(Causes.NodeSuspended);
        else await Save(node with { Suspended = true, Epoch = node.Epoch + 1, LastChangeAt = time.GetUtcNow() });
    }
}

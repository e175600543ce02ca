using HiveMind.Nodes;
using HiveMind.Storage;
using Microsoft.Extensions.Options;

namespace HiveMind.Rewards;

/// <summary>The grain around an <see cref="AccountDesk"/>: one for each account in the whole pool.</summary>
[GrainType("account-load")]
public sealed class AccountLoadGrain(IOpenTasks index, IPoolDatabase database, INodeIndex nodes, IOptions<HubOptions> options, TimeProvider time) : Grain, IAccountLoadGrain
{
    private const int Together = 64;
    private AccountDesk? _desk;

    private string UserId => this.GetPrimaryKeyString();
    private AccountDesk Desk => _desk ??= new AccountDesk(UserId, index, database, OwnNodes, options.Value, time);

    public Task<Admission> Admit(IReadOnlyList<TaskAsk> tasks, string role, bool allOrNone) => Desk.Admit(tasks, role, allOrNone);

    public Task Free(IReadOnlyList<string> taskIds)
    {
        Desk.Free(taskIds);
        return Task.CompletedTask;
    }

    public Task NotBorn(IReadOnlyList<string> taskIds)
    {
        Desk.NotBorn(taskIds);
        return Task.CompletedTask;
    }

    public Task<bool> AdmitNode(string nodeId, string role) => Desk.AdmitNode(nodeId, role);

    public Task NodeGone(string nodeId)
    {
        Desk.NodeGone(nodeId);
        return Task.CompletedTask;
    }

    public Task<AccountStanding> GetStanding() => Desk.GetStanding();

    public Task AccountChanged() => Desk.AccountChanged();

    private async Task<IReadOnlyList<string>> OwnNodes()
    {
        var own = new List<string>();
        foreach (var some in (await nodes.All()).Chunk(Together))
        {
            var found = await Task.WhenAll(some.Select(Ask));
            own.AddRange(found.OfType<NodeSnapshot>().Where(node => node.OwnerId == UserId).Select(node => node.NodeId));
        }
        return own;
    }

    /// <summary>Whose it is only its record knows: where that cannot be read, it is counted for nobody.</summary>
    private async Task<NodeSnapshot?> Ask(string nodeId)
    {
        try
        {
            return await GrainFactory.GetGrain<INodeGrain>(nodeId).GetSnapshot();
        }
        catch (Exception unreadable) when (HiveMindException.IsUnreadable(unreadable))
        {
            return null;
        }
    }
}

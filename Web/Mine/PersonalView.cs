using System.Security.Claims;
using HiveMind.Nodes;
using HiveMind.Storage;
using HiveMind.Tasks;
using HiveMind.Users;
using HiveMind.Web.Edge;

namespace HiveMind.Web.Mine;

/// <summary>What a visitor sees who is logged in. Asked anew for every look, with the session checked first: nothing of it is shared.</summary>
public sealed class PersonalView(ILogins logins, IPoolDatabase database, INodeDirectory nodes, IOwnTasks tasks)
{
    public const int TasksShown = 15, NodesShown = 500;

    /// <summary>Unauthenticated when the session is over.</summary>
    public async Task<Personal> Load(ClaimsPrincipal visitor, CancellationToken cancel)
    {
        var userId = visitor.UserId();
        await Check(visitor, cancel);
        var all = await nodes.Recent(cancel);
        var recent = await tasks.Recent(userId, TasksShown, cancel);
        return new(visitor.UserName(), await database.Balance(userId, cancel), [.. recent.Select(AsShown)], Shown(all, userId), all.Count)
        {
            HeldMicros = await tasks.HeldMicros(userId),
        };
    }

    /// <summary>Throws Unauthenticated when the session is over.</summary>
    public async Task Check(ClaimsPrincipal visitor, CancellationToken cancel)
    {
        var caller = visitor.Token() is { } token ? await logins.Check(token) : await logins.WithoutLogin(cancel);
        if (caller?.UserId != visitor.UserId()) throw HiveMindException.Unauthenticated();
    }

    /// <summary>Its texts as the page may show them: nothing of a stranger's hides in them or turns what stands beside them.</summary>
    private static OwnTask AsShown(OwnTask task) => task with
    {
        TaskId = PlainText.Visible(task.TaskId), TaskType = PlainText.Visible(task.TaskType), Why = PlainText.Visible(task.Why), NodeId = PlainText.Visible(task.NodeId),
    };

    /// <summary>The own ones first, then those that can work, then by name.</summary>
    internal static IReadOnlyList<NodeRow> Shown(IReadOnlyList<NodeSnapshot> nodes, string userId) =>
    [
        .. nodes.Select(node => NodeRow.Of(node, userId)).OrderByDescending(row => row.IsMine).ThenBy(row => row.Status == "offline")
            .ThenBy(row => row.NodeId, StringComparer.Ordinal).Take(NodesShown),
    ];
}

public sealed record Personal(string UserName, long BalanceMicros, IReadOnlyList<OwnTask> Tasks, IReadOnlyList<NodeRow> Nodes, int NodeCount)
{
    /// <summary>Of the balance, for open tasks.</summary>
    public long HeldMicros { get; init; }
}

/// <summary>A node as `ListNodes` shows it to everybody who is logged in.</summary>
public sealed record NodeRow(
    string NodeId, string Owner, bool IsMine, string Status, double Cores, double FreeCores, long MemoryMb, long FreeMemoryMb, int Gpus, int Tasks,
    string Types, DateTimeOffset? LastHeartbeat, string Cordoned)
{
    /// <summary>Others choose these words: what hides in them is shown as an escape, whoever let it into the store.</summary>
    public static NodeRow Of(NodeSnapshot node, string userId)
    {
        var isMine = node.OwnerId == userId;
        return new(
            PlainText.Visible(node.NodeId), PlainText.Visible(node.OwnerName), isMine, node.Status, node.Capabilities.CpuCores, node.FreeCores,
            node.Capabilities.MemoryMb, node.FreeMemoryMb, node.Capabilities.GpuCount, node.TaskCount,
            PlainText.Visible(string.Join(", ", node.Capabilities.SupportedTasks)), node.LastHeartbeat, PlainText.Visible(node.CordonedFor(isMine)));
    }
}

using System.Globalization;

namespace HiveMind.Scheduling;

/// <summary>The stable words of <see cref="WaitReason"/>.</summary>
public static class WaitReasons
{
    public const string NoNodes = "NO_NODES", InfeasibleType = "INFEASIBLE_TYPE", InfeasibleOwner = "INFEASIBLE_OWNER",
        InfeasibleGpu = "INFEASIBLE_GPU", InfeasibleSize = "INFEASIBLE_SIZE", WaitingCapacity = "WAITING_CAPACITY",
        HeldBackoff = "HELD_BACKOFF", Starting = "STARTING", Unknown = "UNKNOWN";
}

/// <summary>Why a task waits. Never (no node that is connected would take it even if empty) is told from not now.</summary>
internal static class WaitExplainer
{
    /// <summary>Counted exactly up to here, so that the answer costs the same however many wait.</summary>
    public const int CountedAhead = 1000;

    public static WaitReason Explain(string taskId, PendingQueue queue, PoolPicture pool)
    {
        if (queue.Find(taskId) is not { } queued)
            return new(WaitReasons.Unknown, "The scheduler is not waiting with this task: it has just ended, or the hub has just started.");
        if (queued.Place == QueuePlace.Offered)
            return new(WaitReasons.Starting, "A node was found for it and is taking it now.");
        return Infeasible(queued.Task, pool.Nodes.ToList()) ?? NotNow(queued, queue);
    }

    private static WaitReason NotNow(QueuedTask queued, PendingQueue queue)
    {
        if (queued.Place == QueuePlace.Held)
        {
            var until = queued.HeldUntil.UtcDateTime.ToString("HH:mm:ss", CultureInfo.InvariantCulture);
            return new(WaitReasons.HeldBackoff, $"An earlier try did not work out; it is tried again at {until} UTC.");
        }
        var line = queue.CountAhead(queued.Task, CountedAhead) switch
        {
            0 => "it is next in line",
            1 => "1 task is ahead of it",
            CountedAhead => $"{CountedAhead} tasks or more are ahead of it",
            var ahead => $"{ahead} tasks are ahead of it",
        };
        return new(WaitReasons.WaitingCapacity, $"It waits for room on the nodes that can run it; {line}.");
    }

    /// <summary>Narrows the nodes down by type, owner, GPU and size, and names the step that leaves none.</summary>
    private static WaitReason? Infeasible(PendingTask task, List<NodeView> connected)
    {
        if (connected.Count == 0)
            return new(WaitReasons.NoNodes, "No node is connected that takes work. Start one with `hivemind worker`.");
        var ofType = connected.Where(node => node.RunsType(task.TaskType)).ToList();
        if (ofType.Count == 0)
            return new(WaitReasons.InfeasibleType, $"No connected node runs tasks of type '{task.TaskType}'; they run {Types(connected)}.");
        var serving = ofType.Where(node => node.ServesUser(task.UserId)).ToList();
        if (serving.Count == 0)
            return new(WaitReasons.InfeasibleOwner,
                $"Every connected node that runs '{task.TaskType}' takes only its owner's tasks. Lend one of your own, or wait for one.");
        var withGpu = serving.Where(node => node.Total.Gpus >= task.Resources.Gpus).ToList();
        if (withGpu.Count == 0)
        {
            var most = serving.Max(node => node.Total.Gpus);
            return new(WaitReasons.InfeasibleGpu, most == 0
                ? "It needs a GPU and no connected node that may run it has one."
                : $"It needs {task.Resources.Gpus} GPUs and the most on one connected node is {most}.");
        }
        return withGpu.Any(node => node.IsFeasible(task)) ? null : new(WaitReasons.InfeasibleSize, TooBig(task.Resources, withGpu));
    }

    private static string TooBig(ResourceRequest asked, List<NodeView> nodes)
    {
        var largest = asked.MilliCores > nodes.Max(node => node.Total.MilliCores)
            ? nodes.OrderByDescending(node => node.Total.MilliCores).ThenByDescending(node => node.Total.MemoryMb).First()
            : nodes.OrderByDescending(node => node.Total.MemoryMb).ThenByDescending(node => node.Total.MilliCores).First();
        return $"It asks for {Size(asked)}; the largest connected node that may run it, '{largest.NodeId}', has {Size(largest.Total)}.";
    }

    private static string Size(ResourceRequest size) =>
        string.Create(CultureInfo.InvariantCulture, $"{size.MilliCores / 1000m:0.###} cores and {size.MemoryMb} MB");

    private static string Types(IEnumerable<NodeView> nodes)
    {
        var types = nodes.SelectMany(node => node.TaskTypes).Distinct().Order(StringComparer.Ordinal).ToList();
        return types.Count == 0 ? "none" : string.Join(", ", types.Select(type => $"'{type}'"));
    }
}

namespace HiveMind.Scheduling;

/// <summary>What a node would ever do for a task, whatever is free on it now.</summary>
public static class Feasibility
{
    public static bool RunsType(this NodeView node, string taskType) => node.TaskTypes.Contains(taskType);

    public static bool ServesUser(this NodeView node, string userId) => node.AcceptsStrangers || node.OwnerId == userId;

    /// <summary>This node, empty, would take this task.</summary>
    public static bool IsFeasible(this NodeView node, PendingTask task) =>
        node.CanTakeWork && node.RunsType(task.TaskType) && node.ServesUser(task.UserId) && task.Resources.Fits(node.Total);
}

namespace HiveMind.Tasks;

public static class TaskStates
{
    /// <summary>In lists only: the task's record is there and cannot be read. Never stored.</summary>
    public const TaskState Unreadable = 0;
}

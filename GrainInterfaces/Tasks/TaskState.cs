namespace HiveMind.Tasks;

/// <summary>Values are stored: append only.</summary>
public enum TaskState { Pending = 1, Assigned = 2, Running = 3, Completed = 4, Failed = 5, Cancelled = 6, TimedOut = 7 }

namespace HiveMind.Tasks;

/// <summary>Values are stored: append only.</summary>
public enum TaskPriority { Normal = 0, Low = 1, High = 2, Urgent = 3 }

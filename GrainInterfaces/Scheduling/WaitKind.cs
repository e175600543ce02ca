namespace HiveMind.Scheduling;

/// <summary>How a task's wait may end: not on these nodes; when room is free; when something that holds it back is over; it is about to.</summary>
public enum WaitKind { None = 0, Infeasible = 1, Waiting = 2, Held = 3, Starting = 4 }

namespace HiveMind.Scheduling;

/// <summary>A proposal: these tasks for this node, which decides.</summary>
public sealed record NodeOffer(string NodeId, IReadOnlyList<PendingTask> Tasks);

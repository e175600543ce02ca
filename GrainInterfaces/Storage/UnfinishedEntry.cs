using HiveMind.Scheduling;

namespace HiveMind.Storage;

/// <param name="Task">What it says.</param>
/// <param name="MarkedNode">The node that may hold it.</param>
public sealed record UnfinishedEntry(PendingTask Task, string? MarkedNode)
{
    /// <summary>As it was read, for <see cref="IUnfinishedIndex.RemoveAsRead"/>.</summary>
    public ReadOnlyMemory<byte> Stored { get; init; }
}

namespace HiveMind.Tasks;

/// <summary>An account's own tasks, the newest first: those that wait or run, and those that ended.</summary>
public interface IOwnTasks
{
    Task<IReadOnlyList<OwnTask>> Recent(string userId, int count, CancellationToken cancel);
    /// <summary>What is held of its balance for those that wait or run, micro-credits.</summary>
    Task<long> HeldMicros(string userId);
}

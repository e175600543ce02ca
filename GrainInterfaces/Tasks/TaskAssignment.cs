using Orleans.Concurrency;

namespace HiveMind.Tasks;

/// <summary>All a worker needs to run one attempt.</summary>
[GenerateSerializer, Alias("HiveMind.TaskAssignment"), Immutable]
public sealed record TaskAssignment([property: Id(0)] string TaskId, [property: Id(1)] int Attempt, [property: Id(2)] TaskSpec Spec)
{
    /// <summary>What this attempt may run: the run timeout, or less where the total timeout comes first.</summary>
    [Id(3)] public TimeSpan RunTimeout { get; init; }
    // 4 was a moment of the granting silo's clock.
    /// <summary>So long after its grant, or after who asks first knew of it, the hub may end it: `ITaskGrain.Overdue`. Null: never.</summary>
    [Id(5)] public TimeSpan? OverdueAfter { get; init; }
}

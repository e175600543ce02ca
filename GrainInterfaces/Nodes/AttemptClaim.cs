using HiveMind.Tasks;
using Orleans.Concurrency;

namespace HiveMind.Nodes;

[GenerateSerializer, Alias("HiveMind.AttemptClaim"), Immutable]
public sealed record AttemptClaim([property: Id(0)] string TaskId, [property: Id(1)] int Attempt, [property: Id(2)] TaskAssignment Assignment);

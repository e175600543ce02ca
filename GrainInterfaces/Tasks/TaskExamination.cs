using HiveMind.Scheduling;
using Orleans.Concurrency;

namespace HiveMind.Tasks;

[GenerateSerializer, Alias("HiveMind.TaskExamination"), Immutable]
public sealed record TaskExamination(
    [property: Id(0)] TaskExaminationKind Kind, [property: Id(1)] string? NodeId, [property: Id(2)] TaskAssignment? Assignment, [property: Id(3)] PendingTask? Pending);

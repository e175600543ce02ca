using Orleans.Concurrency;

namespace HiveMind.Tasks;

[GenerateSerializer, Alias("HiveMind.ReportVerdict"), Immutable]
public sealed record ReportVerdict(
    [property: Id(0)] string TaskId, [property: Id(1)] int Attempt, [property: Id(2)] ReportVerdictKind Kind,
    [property: Id(3)] string Reason, [property: Id(4)] string Message);

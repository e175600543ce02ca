using Orleans.Concurrency;

namespace HiveMind.Scheduling;

/// <summary>What one account has in the pool: tasks that wait, that hold room, and the cores (thousandths) of these.</summary>
[GenerateSerializer, Alias("HiveMind.UserLoad"), Immutable]
public sealed record UserLoad([property: Id(0)] int Waiting, [property: Id(1)] int Running, [property: Id(2)] long MilliCores);

namespace HiveMind.Rewards;

/// <summary>One attempt that ran: what it ran (ms), and what payer owes payee (micro-credits, 0 when not paid).</summary>
[GenerateSerializer, Alias("HiveMind.AttemptDue"), Immutable]
public sealed record AttemptDue(
    [property: Id(0)] int Attempt, [property: Id(1)] string NodeId, [property: Id(2)] string PayerId, [property: Id(3)] string PayeeId,
    [property: Id(4)] long Micros, [property: Id(5)] long RunMs, [property: Id(6)] bool Completed);

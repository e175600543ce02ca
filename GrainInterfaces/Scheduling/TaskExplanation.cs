using Orleans.Concurrency;

namespace HiveMind.Scheduling;

/// <summary>All that is known of why a task waits.</summary>
[GenerateSerializer, Alias("HiveMind.TaskExplanation"), Immutable]
public sealed record TaskExplanation([property: Id(0)] WaitKind Kind, [property: Id(1)] string Reason, [property: Id(2)] string Text)
{
    /// <summary>Its own submitter's tasks that go before it.</summary>
    [Id(3)] public int OwnAhead { get; init; }
    /// <summary>Accounts with waiting tasks whose turn is before its submitter's now.</summary>
    [Id(4)] public int AccountsAhead { get; init; }
    /// <summary>When its start is expected; null: nothing is known to tell it from.</summary>
    [Id(5)] public DateTimeOffset? ExpectedStart { get; init; }
    /// <summary>What the expectation rests on, as a sentence.</summary>
    [Id(6)] public string Basis { get; init; } = "";
    /// <summary>The node that is being kept free, for this task or for one that goes before it; empty: none.</summary>
    [Id(7)] public string ReservedNode { get; init; } = "";
    /// <summary>For which task it is kept: only told when it is the same submitter's.</summary>
    [Id(8)] public string ReservedFor { get; init; } = "";
    /// <summary>When that node has room for it at the latest, by the run timeouts of what runs there.</summary>
    [Id(9)] public DateTimeOffset? ReservedBy { get; init; }
    /// <summary>The connected node that comes nearest to what it asks for; empty: none is connected.</summary>
    [Id(10)] public string NearestNode { get; init; } = "";
    /// <summary>What that node lacks, one sentence each.</summary>
    [Id(11)] public IReadOnlyList<string> Lacks { get; init; } = [];
    /// <summary>Not before then; null: nothing holds it back until a time.</summary>
    [Id(12)] public DateTimeOffset? HeldUntil { get; init; }
}

using Orleans.Concurrency;

namespace HiveMind.Tasks;

/// <summary>After which ends the submitter wants another attempt. A lost node is one unless said otherwise; the program's own ends are not.</summary>
[GenerateSerializer, Alias("HiveMind.RetrySpec"), Immutable]
public sealed record RetrySpec
{
    public static readonly RetrySpec Default = new();

    /// <summary>Exit codes of the program, 1 to 255, that are worth another try.</summary>
    [Id(0)] public IReadOnlyList<int> ExitCodes { get; init; } = [];
    /// <summary>Any end of the program but exit code 0.</summary>
    [Id(1)] public bool AnyFailure { get; init; }
    [Id(2)] public bool OnTimeout { get; init; }
    /// <summary>False: the task fails with the first machine that is lost under it.</summary>
    [Id(3)] public bool OnLostNode { get; init; } = true;
    /// <summary>0: the pool's `Tasks:MaxAttempts`, and never more than that.</summary>
    [Id(4)] public int MaxAttempts { get; init; }
}

using HiveMind.Rewards;
using Orleans.Concurrency;

namespace HiveMind.Tasks;

[GenerateSerializer, Alias("HiveMind.GrantResult"), Immutable]
public sealed record GrantResult([property: Id(0)] TaskAssignment? Assignment, [property: Id(1)] string Refusal)
{
    /// <summary>Its account's balance does not cover its tasks; its account was shut out. It waits on, or is about to be cancelled.</summary>
    public const string NoCredit = "NO_CREDIT", AccountInactive = "ACCOUNT_INACTIVE";
}

namespace HiveMind.Scheduling;

/// <summary>The policies there are, by the names that `Scheduling:Policy` knows.</summary>
public static class PlacementPolicies
{
    public static readonly IReadOnlyList<IPlacementPolicy> All = [new BalancedSpreadPolicy(), new BinPackingPolicy(), new PowerOfTwoChoicesPolicy()];

    public static IPlacementPolicy ByName(string name) => All.Single(policy => policy.Name == name);
}

namespace HiveMind;

/// <summary>Whose turn it is, and where a task goes. `docs/scheduling.md` says where each rule comes from.</summary>
public sealed class SchedulingOptions
{
    /// <summary>BalancedSpread, BinPacking or PowerOfTwoChoices.</summary>
    public string Policy { get; set; } = "BalancedSpread";
    /// <summary>A waiting task's band rises by one in that time.</summary>
    public TimeSpan AgingStep { get; set; } = TimeSpan.FromMinutes(10);
    /// <summary>In that time half of what an account has used is forgotten.</summary>
    public TimeSpan UsageHalfLife { get; set; } = TimeSpan.FromHours(1);
    /// <summary>
    /// How long the first retry of a task leaves out the node on which it failed, where another could run it; after each further failure twice as long. At most an hour; 0: not at all.
    /// </summary>
    public TimeSpan RetryElsewhere { get; set; } = TimeSpan.FromMinutes(1);
    /// <summary>How fast a band uses up its account's share.</summary>
    public BandWeights BandWeights { get; set; } = new();
    /// <summary>Priorities (Low, Normal, High, Urgent) that only a role may use.</summary>
    public Dictionary<string, string> BandRoles { get; set; } = new(StringComparer.OrdinalIgnoreCase);
    /// <summary>Weight and quotas by role.</summary>
    public Dictionary<string, RoleOptions> Roles { get; set; } = new(StringComparer.OrdinalIgnoreCase);

    public RoleOptions OfRole(string role) => Roles.GetValueOrDefault(role) ?? RoleOptions.Default;
}

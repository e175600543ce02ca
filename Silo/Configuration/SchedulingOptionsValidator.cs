using HiveMind.Tasks;
using HiveMind.Users;

namespace HiveMind.Configuration;

/// <summary>The settings under `Scheduling`: one line per problem.</summary>
internal static class SchedulingOptionsValidator
{
    private const int Most = 1_000_000_000;
    private static readonly string[] Policies = ["BalancedSpread", "BinPacking", "PowerOfTwoChoices"];
    private static readonly string[] RoleNames = [Roles.User, Roles.Admin];

    /// <param name="o">What was configured.</param>
    /// <param name="check">Whether it holds, the setting, and the fix.</param>
    public static void Check(SchedulingOptions o, Action<bool, string, string> check)
    {
        check(Policies.Contains(o.Policy), "Scheduling:Policy", $"must be {string.Join(", ", Policies[..^1])} or {Policies[^1]}, not '{o.Policy}'.");
        check(o.AgingStep >= TimeSpan.FromSeconds(1) && o.AgingStep <= TimeSpan.FromDays(30), "Scheduling:AgingStep", "must be between 00:00:01 and 30.00:00:00.");
        check(o.UsageHalfLife >= TimeSpan.FromSeconds(1) && o.UsageHalfLife <= TimeSpan.FromDays(30), "Scheduling:UsageHalfLife",
            "must be between 00:00:01 and 30.00:00:00.");
        check(o.RetryElsewhere >= TimeSpan.Zero && o.RetryElsewhere <= TimeSpan.FromHours(1), "Scheduling:RetryElsewhere", "must be between 0 (off) and 01:00:00.");
        CheckBands(o, check);
        foreach (var (name, role) in o.Roles) CheckRole($"Scheduling:Roles:{name}", name, role, check);
    }

    private static void CheckBands(SchedulingOptions o, Action<bool, string, string> check)
    {
        var below = ("", 0.0);
        foreach (var (band, weight) in new[] { ("Low", o.BandWeights.Low), ("Normal", o.BandWeights.Normal), ("High", o.BandWeights.High), ("Urgent", o.BandWeights.Urgent) })
        {
            var setting = $"Scheduling:BandWeights:{band}";
            check(weight is >= 0.01 and <= 100, setting, "must be between 0.01 and 100.");
            check(!(weight < below.Item2), setting, $"must not be below that of {below.Item1}: a higher band uses up share at least as fast.");
            below = (band, weight);
        }

        foreach (var (band, role) in o.BandRoles)
        {
            var setting = $"Scheduling:BandRoles:{band}";
            check(IsBand(band), setting, $"is no priority: {string.Join(", ", Enum.GetNames<TaskPriority>())}.");
            check(IsRole(role), setting, $"must name a role, {string.Join(" or ", RoleNames)}, not '{role}'.");
        }
    }

    private static void CheckRole(string setting, string name, RoleOptions role, Action<bool, string, string> check)
    {
        check(IsRole(name), setting, $"is no role: {string.Join(", ", RoleNames)}.");
        check(role.Weight is >= 0.01 and <= 1000, $"{setting}:Weight", "must be between 0.01 and 1000.");
        check(role.MaxRunning is >= 0 and <= Most, $"{setting}:MaxRunning", $"must be between 0 (no limit) and {Most}.");
        check(role.MaxCores is >= 0 and <= Most, $"{setting}:MaxCores", $"must be between 0 (no limit) and {Most}.");
        check(role.MaxPending is >= 0 and <= Most, $"{setting}:MaxPending", $"must be between 0 (no limit) and {Most}.");
        check(role.MaxOpen is >= 0 and <= Most, $"{setting}:MaxOpen", $"must be between 0 (no limit) and {Most}.");
        foreach (var (limit, value) in new[]
        {
            ("MaxPayloadMb", role.MaxPayloadMb), ("MaxUrgent", role.MaxUrgent), ("MaxUploads", role.MaxUploads), ("MaxUploadMb", role.MaxUploadMb),
            ("MaxOutputsMb", role.MaxOutputsMb), ("MaxNodes", role.MaxNodes),
        })
            check(value is >= 0 and <= Most, $"{setting}:{limit}", $"must be between 0 (no limit) and {Most}.");
        check(role.SubmitsPerSecond is >= 0 and <= 1_000_000, $"{setting}:SubmitsPerSecond", "must be between 0 (no limit) and 1000000.");
    }

    private static bool IsBand(string name) => Enum.GetNames<TaskPriority>().Contains(name, StringComparer.OrdinalIgnoreCase);

    private static bool IsRole(string? name) => RoleNames.Contains(name, StringComparer.OrdinalIgnoreCase);
}

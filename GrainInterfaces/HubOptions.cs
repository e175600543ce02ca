namespace HiveMind;

/// <summary>What grains and gateway need of the configuration (root `HiveMind`); the silo binds and validates it at start.</summary>
public sealed class HubOptions
{
    public AuthOptions Auth { get; set; } = new();
    public NodeOptions Nodes { get; set; } = new();
    public TaskOptions Tasks { get; set; } = new();
    public RewardOptions Rewards { get; set; } = new();
    public RateLimitOptions RateLimit { get; set; } = new();
    public SchedulingOptions Scheduling { get; set; } = new();
    public EdgeOptions Edge { get; set; } = new();

    /// <summary>Whether tasks are let in only as far as their account's balance reaches.</summary>
    public bool AsksForBalance => Rewards.RequireBalance ?? Auth.Mode == AuthMode.Locked;
}

namespace HiveMind.Simulation;

/// <summary>Something that must always hold did not. Its text is all that is needed to see it again.</summary>
public sealed class ViolationException(string invariant, string what, ulong seed, long step, TimeSpan at, string command, Exception? cause = null)
    : Exception($"{invariant} is broken by seed {seed} at step {step} ({at:c} of virtual time): {what}\nIt is the same again with: {command}", cause)
{
    public string Invariant { get; } = invariant;
    public ulong Seed { get; } = seed;
    public long Step { get; } = step;
}

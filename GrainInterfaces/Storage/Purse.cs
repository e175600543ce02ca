namespace HiveMind.Storage;

/// <summary>What decides whether an account's tasks may start.</summary>
public readonly record struct Purse(long BalanceMicros, bool IsActive);

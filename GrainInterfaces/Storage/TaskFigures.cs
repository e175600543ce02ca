namespace HiveMind.Storage;

/// <summary>One type or node: counts, times over what ran, micro-credits.</summary>
public sealed record TaskFigures(string Name, long Completed, long Failed, TimeSpread Run, TimeSpread Wait, long Micros);

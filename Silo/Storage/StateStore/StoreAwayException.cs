namespace HiveMind.Storage;

/// <summary>A store cannot be used now, for a reason that passes or that a restart may mend: a full disk, one that failed. One line for the operator.</summary>
public sealed class StoreAwayException(string problem) : Exception(problem);

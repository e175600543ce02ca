namespace HiveMind.Storage;

/// <summary>A migration ended halfway, before its commit: the old state store is as it was.</summary>
public sealed class MigrationFailedException(string message, Exception? cause = null) : Exception(message, cause);

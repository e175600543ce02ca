namespace HiveMind.Storage;

/// <summary>A store that this silo must not run on. The message is one line, meant for the person who started it.</summary>
public sealed class StoreRefusedException(string line, Exception? cause = null) : Exception(line, cause);

namespace HiveMind.Storage;

/// <summary>An entry that this program cannot read. Newer: a later program can, so it is left as it is; else it is damaged.</summary>
public sealed record UnreadableEntry(string TaskId, string? MarkedNode, bool IsNewer, ReadOnlyMemory<byte> Stored);

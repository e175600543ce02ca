namespace HiveMind.Storage;

/// <summary>How tasks went that ended since <paramref name="Since"/>, by type and by the node that had them last.</summary>
public sealed record TaskAnalytics(DateTimeOffset Since, bool IsCut, IReadOnlyList<TaskFigures> ByType, IReadOnlyList<TaskFigures> ByNode);

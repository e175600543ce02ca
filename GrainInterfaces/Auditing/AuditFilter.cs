namespace HiveMind.Auditing;

/// <summary>Empty: any.</summary>
public sealed record AuditFilter(string Actor = "", string Subject = "", string Action = "", DateTimeOffset? Since = null);

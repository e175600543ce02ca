namespace HiveMind.Auditing;

public sealed record AuditRow(
    string AuditId, DateTimeOffset At, string Actor, string Address, string Action, string Subject, string Before, string After, long Times);

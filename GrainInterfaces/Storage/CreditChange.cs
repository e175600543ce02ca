namespace HiveMind.Storage;

/// <summary>Below zero: taken. The request id makes it once; the reason is for the audit log.</summary>
public sealed record CreditChange(string UserId, long Micros, string Reason, string RequestId);

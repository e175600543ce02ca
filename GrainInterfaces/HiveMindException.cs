namespace HiveMind;

/// <summary>A failure that is part of the contract: kind, stable upper-case reason, sentence, and the field at fault if one is.</summary>
[GenerateSerializer, Alias("HiveMind.HiveMindException")]
public sealed class HiveMindException(FailureKind kind, string reason, string message, string? field = null, TimeSpan? retryAfter = null)
    : Exception(message)
{
    [Id(0)] public FailureKind Kind { get; } = kind;
    [Id(1)] public string Reason { get; } = reason;
    [Id(2)] public string? Field { get; } = field;
    /// <summary>How long waiting helps; null where it does not.</summary>
    [Id(3)] public TimeSpan? RetryAfter { get; } = retryAfter;

    public static HiveMindException Invalid(string field, string fix) => new(FailureKind.InvalidArgument, "INVALID_FIELD", fix, field);
    public static HiveMindException Taken(string field, string message) => new(FailureKind.AlreadyExists, "TAKEN", message, field);
    public static HiveMindException NotFound(string what, string id) => new(FailureKind.NotFound, "NOT_FOUND", $"No {what} '{id}'.");
    public static HiveMindException Denied(string reason, string message) => new(FailureKind.PermissionDenied, reason, message);
    /// <summary>One text for every way of not being known, so that nobody learns which part was wrong.</summary>
    public static HiveMindException Unauthenticated() =>
        new(FailureKind.Unauthenticated, "UNAUTHENTICATED", "Not logged in, or the login is wrong, expired or revoked.");
    public static HiveMindException Precondition(string reason, string message) => new(FailureKind.FailedPrecondition, reason, message);
    public static HiveMindException Aborted(string reason, string message) => new(FailureKind.Aborted, reason, message);
    /// <summary>
    /// It is there and cannot be read: damaged, or written by a later program. Nobody takes it for missing, and who reads many goes around it. Trying again
    /// helps only when somebody has mended it; unavailable all the same, so that nobody gives up what belongs to it.
    /// </summary>
    public static HiveMindException Unreadable(string record) => new(FailureKind.Unavailable, "RECORD_UNREADABLE",
        $"The record {record} is there and cannot be read: it is damaged, or a later program wrote it. Tell the pool's operator.");

    /// <summary>However Orleans has wrapped it: the record is read while its grain wakes.</summary>
    public static HiveMindException? UnreadableIn(Exception? error)
    {
        for (; error is not null; error = error.InnerException)
            if (error is HiveMindException { Reason: "RECORD_UNREADABLE" } unreadable) return unreadable;
        return null;
    }

    public static bool IsUnreadable(Exception? error) => UnreadableIn(error) is not null;

    public static HiveMindException Exhausted(string reason, string message, TimeSpan? retryAfter = null) =>
        new(FailureKind.ResourceExhausted, reason, message, null, retryAfter);
    public static HiveMindException Unavailable(string reason, string message) =>
        new(FailureKind.Unavailable, reason, message, null, TimeSpan.FromSeconds(1));
}

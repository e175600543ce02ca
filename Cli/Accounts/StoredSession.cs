namespace HiveMind.Cli;

/// <summary>A login at one hub, as the session file keeps it.</summary>
internal sealed record StoredSession(
    string Username, string UserId, string Role, string Token, DateTimeOffset ObtainedAt, DateTimeOffset ExpiresAt)
{
    /// <summary>Known at the login only; the hub asks for the new password as long as it is missing.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public bool MustChangePassword { get; init; }

    /// <summary>The data directory of the hub whose own account this is (`up`): who can read its password there logs in again once the session is over.</summary>
    [System.Text.Json.Serialization.JsonIgnore(Condition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull)]
    public string? AccountDirectory { get; init; }

    public bool IsOver(DateTimeOffset now) => now >= ExpiresAt;

    /// <summary>Less than half remains, and something remains.</summary>
    public bool NeedsRenewal(DateTimeOffset now) => now < ExpiresAt && ExpiresAt - now < (ExpiresAt - ObtainedAt) / 2;
}

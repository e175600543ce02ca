namespace HiveMind.Auditing;

/// <summary>Every action by its word: stable, for filters and scripts. `docs/operations.md` says what each means.</summary>
public static class AuditActions
{
    public const string Register = "register", Login = "login", LoginRefused = "login refused", Logout = "logout", SessionsEnded = "sessions ended";
    public const string Email = "email", DisplayName = "display name", Password = "password", PasswordReset = "password reset";
    public const string Role = "role", Activate = "activate", Deactivate = "deactivate", Closed = "account closed";
    public const string AdminCodeMade = "admin code made", AdminCodeUsed = "admin code used";
    public const string CodeMade = "registration code made", CodeUsed = "registration code used", CodeRevoked = "registration code revoked";
    public const string Credits = "credits", ActedFor = "acted for";
    public const string NodeRegistered = "node registered", NodeRemoved = "node removed", NodeTokenRotated = "node token rotated", NodeTokenRevoked = "node token revoked";
    public const string NodeCordoned = "node cordoned", NodeUncordoned = "node uncordoned", NodeDrained = "node drained";
}

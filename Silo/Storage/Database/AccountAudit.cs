using HiveMind.Auditing;
using HiveMind.Users;

namespace HiveMind.Storage;

/// <summary>What the change of an account's row means for the audit log. Pure; hashes and salts are never said.</summary>
internal static class AccountAudit
{
    public static IEnumerable<AuditEvent> Changes(AccountRow before, AccountRow after, Actor by)
    {
        AuditEvent Event(string action, string was = "", string now = "") => new(by, action, after.UserId, was, now);
        if (before.Role != after.Role) yield return Event(AuditActions.Role, before.Role, after.Role);
        if (before.IsActive != after.IsActive) yield return Event(after.IsActive ? AuditActions.Activate : AuditActions.Deactivate, Word(before), Word(after));
        if (before.PasswordHash != after.PasswordHash) yield return Event(AuditActions.Password);
        if (before.Email != after.Email) yield return Event(AuditActions.Email, before.Email, after.Email);
        if (before.DisplayName != after.DisplayName) yield return Event(AuditActions.DisplayName, before.DisplayName, after.DisplayName);
    }

    private static string Word(AccountRow row) => row.IsActive ? "active" : "inactive";
}

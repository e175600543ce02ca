namespace HiveMind.Users;

/// <summary>
/// What a caller asks to change. Null leaves a field as it is. A new password or e-mail needs the current password unless an admin acts for
/// somebody else.
/// </summary>
public sealed record ProfileChange(
    string? Email = null, string? DisplayName = null, string? CurrentPassword = null, string? NewPassword = null, string? Role = null, bool? IsActive = null);

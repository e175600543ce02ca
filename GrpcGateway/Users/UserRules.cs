using System.Text.RegularExpressions;
using HiveMind.Edge;
using HiveMind.Protos;

namespace HiveMind.Users;

/// <summary>What account requests may contain. Pure; every problem at once.</summary>
internal static partial class UserRules
{
    public const int PasswordMin = 8, PasswordMax = 256;
    private const string NameFix = "3 to 32 of A-Z a-z 0-9 _ . -";
    private const string PasswordFix = "8 to 256 characters.";
    private const string EmailFix = "An address like name@example.org.";
    private const string DisplayNameFix = "Up to 64 characters, none of them a control character.";

    public static IReadOnlyList<FieldProblem> Check(RegisterUserRequest request) => new FieldProblems()
        .Require(IsUsername(request.Username), "username", NameFix)
        .Require(IsPassword(request.Password), "password", PasswordFix)
        .Require(IsEmail(request.Email), "email", EmailFix)
        .Require(Text.IsPlain(request.DisplayName, 64), "display_name", DisplayNameFix)
        .Require(Text.IsPlain(request.AdminCode.Trim(), 128), "admin_code", "The code as it stands in the hub's data directory.")
        .Found;

    /// <summary>Own: the caller changes the own account, so a new password needs the current one.</summary>
    public static IReadOnlyList<FieldProblem> Check(UpdateUserProfileRequest request, bool own) => new FieldProblems()
        .Require(request.Email.Length == 0 || IsEmail(request.Email), "email", EmailFix)
        .Require(Text.IsPlain(request.DisplayName, 64), "display_name", DisplayNameFix)
        .Require(request.NewPassword.Length == 0 || IsPassword(request.NewPassword), "new_password", PasswordFix)
        .Require(!own || request.NewPassword.Length == 0 || request.CurrentPassword.Length > 0, "current_password", "Needed to set a new password.")
        .Require(request.CurrentPassword.Length <= PasswordMax, "current_password", PasswordFix)
        .Require(request.Role is "" or Roles.User or Roles.Admin, "role", "\"user\" or \"admin\".")
        .Require(request.IsActive is "" or "true" or "false", "is_active", "\"true\" or \"false\".")
        .Found;

    public static bool IsUsername(string name) => name.Length is >= 3 and <= 32 && name.All(Text.IsIdChar);

    private static bool IsPassword(string password) => password.Length is >= PasswordMin and <= PasswordMax;

    private static bool IsEmail(string email) => email.Length <= 254 && EmailShape().IsMatch(email);

    [GeneratedRegex(
        @"\A(?=[^@]{1,64}@)[A-Za-z0-9!#$%&*+/=?^_{|}~-]+(\.[A-Za-z0-9!#$%&*+/=?^_{|}~-]+)*@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])\z",
        RegexOptions.CultureInvariant)]
    private static partial Regex EmailShape();
}

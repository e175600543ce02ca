using System.Text.RegularExpressions;
using HiveMind.Edge;
using HiveMind.Protos;

namespace HiveMind.Users;

/// <summary>What account requests may contain. Pure; every problem at once.</summary>
internal static partial class UserRules
{
    /// <summary>The most UTF-16 units that may be a password: 256 characters of two units each.</summary>
    public const int PasswordUnits = 2 * PasswordRules.Max;
    public const int SessionsAtOnce = 100;
    private const string NameFix = "3 to 32 of A-Z a-z 0-9 _ . -, the first a letter or digit.";
    private const string PasswordFix = "Up to 256 characters.";
    private const string EmailFix = "An address like name@example.org.";
    private const string DisplayNameFix = "Up to 64 characters, none of them a control character or invisible.";

    public static IReadOnlyList<FieldProblem> Check(RegisterUserRequest request) => new FieldProblems()
        .Require(IsUsername(request.Username) && char.IsAsciiLetterOrDigit(request.Username[0]), "username", NameFix)
        .RequireNone(PasswordRules.Problem(request.Password, request.Username, request.Email), "password")
        .Require(IsEmail(request.Email), "email", EmailFix)
        .Require(Text.IsPlain(request.DisplayName, 64), "display_name", DisplayNameFix)
        .Require(Text.IsPlain(request.AdminCode.Trim(), 128), "admin_code", "The code as it stands in the hub's data directory.")
        .Require(Text.IsPlain(request.RegistrationCode.Trim(), 128), "registration_code", "The code as the admin gave it.")
        .Found;

    /// <summary>Own: the caller changes the own account, so a new password or e-mail needs the current password.</summary>
    public static IReadOnlyList<FieldProblem> Check(UpdateUserProfileRequest request, bool own) => new FieldProblems()
        .Require(request.Email.Length == 0 || IsEmail(request.Email), "email", EmailFix)
        .Require(Text.IsPlain(request.DisplayName, 64), "display_name", DisplayNameFix)
        .RequireNone(request.NewPassword.Length == 0 ? null : PasswordRules.Problem(request.NewPassword, "", request.Email), "new_password")
        .Require(!own || (request.NewPassword + request.Email).Length == 0 || request.CurrentPassword.Length > 0, "current_password",
            "Needed to set a new password or e-mail.")
        .Require(request.CurrentPassword.Length <= PasswordUnits, "current_password", PasswordFix)
        .Require(request.Role is "" or Roles.User or Roles.Admin, "role", "\"user\" or \"admin\".")
        .Require(request.IsActive is "" or "true" or "false", "is_active", "\"true\" or \"false\".")
        .Found;

    public static IReadOnlyList<FieldProblem> Check(RevokeSessionsRequest request) => new FieldProblems()
        .Require(request.SessionIds.Count <= SessionsAtOnce && request.SessionIds.All(id => Text.IsPlain(id, 64)), "session_ids", "Up to 100 ids as ListSessions shows them.")
        .Found;

    /// <summary>What can be a user name at all; those that begin otherwise are from before.</summary>
    public static bool IsUsername(string name) => name.Length is >= 3 and <= 32 && name.All(Text.IsIdChar);

    private static bool IsEmail(string email) => email.Length <= 254 && EmailShape().IsMatch(email);

    [GeneratedRegex(
        @"\A(?=[^@]{1,64}@)[A-Za-z0-9!#$%&*+/=?^_{|}~-]+(\.[A-Za-z0-9!#$%&*+/=?^_{|}~-]+)*@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])\z",
        RegexOptions.CultureInvariant)]
    private static partial Regex EmailShape();
}

using System.Buffers.Text;
using System.Text;
using HiveMind.Auditing;
using HiveMind.Edge;
using HiveMind.Protos;

namespace HiveMind.Users;

/// <summary>What admins' requests may contain. Pure; every problem at once.</summary>
internal static class AdminRules
{
    public const int UsualPage = 50, LargestPage = 500;
    private const long MostCredits = 1_000_000_000, ShortestCode = 60, LongestCode = 365L * 24 * 3600;
    private const string PageFix = "Leave it empty, or give the next_page_token of the answer before.";

    public static IReadOnlyList<FieldProblem> Check(ListUsersRequest request) => new FieldProblems()
        .Require(Text.IsPlain(request.Text, 254), "text", "Up to 254 characters, none of them a control character.")
        .Require(request.Role is "" or Roles.User or Roles.Admin, "role", "\"user\", \"admin\" or empty.")
        .Require(request.State is "" or "active" or "inactive", "state", "\"active\", \"inactive\" or empty.")
        .Require(request.PageSize is >= 0 and <= LargestPage, "page_size", "0 to 500.")
        .Require(ReadPage(request.PageToken) is not null, "page_token", PageFix)
        .Found;

    public static IReadOnlyList<FieldProblem> Check(SetUserRoleRequest request) => new FieldProblems()
        .Require(request.Role is Roles.User or Roles.Admin, "role", "\"user\" or \"admin\".")
        .Found;

    public static IReadOnlyList<FieldProblem> Check(AdjustCreditsRequest request) => new FieldProblems()
        .Require(double.IsFinite(request.Credits) && Math.Abs(request.Credits) <= MostCredits && Micros(request.Credits) != 0, "credits",
            "From a millionth to 1000000000, below zero to take.")
        .Require(request.Reason.Trim().Length > 0 && Text.IsPlain(request.Reason, 200), "reason", "1 to 200 characters, none of them a control character.")
        .Require(Text.IsPlain(request.RequestId, 128), "request_id", "Up to 128 characters, none of them a control character.")
        .Found;

    public static IReadOnlyList<FieldProblem> Check(MakeRegistrationCodeRequest request) => new FieldProblems()
        .Require(request.Uses is >= 0 and <= 10_000, "uses", "1 to 10000 (0: 1).")
        .Require(request.ValidSeconds is 0 or (>= ShortestCode and <= LongestCode), "valid_seconds", "60 to 31536000 (0: 7 days).")
        .Require(Text.IsPlain(request.Note, 100), "note", "Up to 100 characters, none of them a control character.")
        .Require(request.Username.Length == 0 || UserRules.IsUsername(request.Username), "username", "Empty, or a user name.")
        .Found;

    public static IReadOnlyList<FieldProblem> Check(ListAuditRequest request) => new FieldProblems()
        .Require(Text.IsPlain(request.Actor, 128), "actor", "The id of a user or node, \"hub\", \"operator\" or \"anonymous\".")
        .Require(Text.IsPlain(request.Subject, 128), "subject", "The id of a user, node or code.")
        .Require(Text.IsPlain(request.Action, 64), "action", "One of the words in the log.")
        .Require(request.Since.Length == 0 || Rfc3339.TryParse(request.Since, out _), "since", "A moment like 2026-11-29T18:00:00Z.")
        .Require(request.PageSize is >= 0 and <= LargestPage, "page_size", "0 to 500.")
        .Require(ReadPage(request.PageToken) is not null, "page_token", PageFix)
        .Found;

    public static int PageSize(int asked) => asked == 0 ? UsualPage : asked;

    public static long Micros(double credits) => (long)Math.Round((decimal)Math.Clamp(credits, -2 * MostCredits, 2 * MostCredits) * Rewards.Credits.Micro);

    public static AuditFilter ToFilter(ListAuditRequest request) => new(
        request.Actor, request.Subject, request.Action, Rfc3339.TryParse(request.Since, out var since) ? since : null);

    /// <summary>Where the last page ended. Nothing in it is a secret or trusted: who reads one may read all.</summary>
    public static string Page(string last) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(last));

    /// <summary>Null when it is none.</summary>
    public static string? ReadPage(string token) => token.Length == 0 ? ""
        : token.Length <= 400 && Base64Url.IsValid(token) ? Encoding.UTF8.GetString(Base64Url.DecodeFromChars(token)) : null;
}

using HiveMind.Edge;
using HiveMind.Protos;
using HiveMind.Rewards;

namespace HiveMind.Users;

/// <summary>Between the wire and the account contracts. Secrets of the row never pass.</summary>
internal static class UserMapping
{
    public static NewAccount ToAccount(RegisterUserRequest request) =>
        new(request.Username, request.Password, request.Email, request.DisplayName, request.AdminCode.Trim(), request.RegistrationCode.Trim());

    public static ProfileChange ToChange(UpdateUserProfileRequest request) => new(
        NullIfEmpty(request.Email), NullIfEmpty(request.DisplayName), NullIfEmpty(request.CurrentPassword), NullIfEmpty(request.NewPassword),
        NullIfEmpty(request.Role), request.IsActive.Length == 0 ? null : request.IsActive == "true");

    public static LoginUserResponse ToResponse(LoginResult login) => new()
    {
        Success = true,
        Message = "Logged in.",
        SessionToken = login.SessionToken,
        UserId = login.Account.UserId,
        ExpiresAt = Rfc3339.Format(login.ExpiresAt),
        Role = login.Account.Role,
        MustChangePassword = login.Account.MustChangePassword,
    };

    public static UserInfo ToInfo(AccountRow row, long balanceMicros, long heldMicros = 0) => new()
    {
        UserId = row.UserId,
        Username = row.Username,
        Email = row.Email,
        DisplayName = row.DisplayName,
        CreatedAt = Rfc3339.Format(row.CreatedAt),
        LastLogin = Rfc3339.Format(row.LastLogin),
        Role = row.Role,
        IsActive = row.IsActive,
        BalanceCredits = Credits.ToCredits(balanceMicros),
        HeldCredits = Credits.ToCredits(heldMicros),
        FreeCredits = Credits.ToCredits(balanceMicros - heldMicros),
        MustChangePassword = row.MustChangePassword,
    };

    public static Protos.SessionInfo ToSession(SessionInfo session, SessionToken? current) => new()
    {
        SessionId = session.SessionId,
        CreatedAt = Rfc3339.Format(session.CreatedAt),
        LastUsedAt = Rfc3339.Format(session.LastUsedAt),
        ExpiresAt = Rfc3339.Format(session.ExpiresAt),
        Address = session.Address,
        Client = session.Client,
        Current = current?.SessionId == session.SessionId,
    };

    private static string? NullIfEmpty(string text) => text.Length == 0 ? null : text;
}

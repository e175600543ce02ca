using Grpc.Core;
using HiveMind.Auditing;
using HiveMind.Edge;
using HiveMind.Protos;
using HiveMind.Rewards;
using HiveMind.Storage;

namespace HiveMind.Users;

/// <summary>Accounts and sessions on the wire.</summary>
internal sealed class UserServiceEndpoint(
    IGrainFactory grains, IAccounts accounts, IPoolDatabase database, ISessionCheck sessions, PasswordLogin password) : UserService.UserServiceBase
{
    public override async Task<RegisterUserResponse> RegisterUser(RegisterUserRequest request, ServerCallContext context)
    {
        UserRules.Check(request).ThrowIfAny();
        var row = await accounts.Register(UserMapping.ToAccount(request), CallAddress.OriginOf(context), context.CancellationToken);
        return new RegisterUserResponse { Success = true, Message = $"Welcome, {row.Username}.", UserId = row.UserId, Role = row.Role };
    }

    public override async Task<LoginUserResponse> LoginUser(LoginUserRequest request, ServerCallContext context) =>
        UserMapping.ToResponse(await password.LogIn(request.Username, request.Password, CallAddress.OriginOf(context), context.CancellationToken));

    public override async Task<LogoutUserResponse> LogoutUser(LogoutUserRequest request, ServerCallContext context)
    {
        var session = await SessionToEnd(request.SessionToken, UserCall.Of(context));
        await User(session.Subject).Logout(session.SessionId, new Actor(session.Subject, CallAddress.Of(context)));
        return new LogoutUserResponse { Success = true, Message = "Logged out." };
    }

    public override async Task<RenewSessionResponse> RenewSession(RenewSessionRequest request, ServerCallContext context)
    {
        var session = UserCall.Of(context).Session ?? throw HiveMindException.Unauthenticated();
        var expires = await User(session.Subject).Renew(session.SessionId);
        return new RenewSessionResponse { Success = true, Message = "Renewed.", ExpiresAt = Rfc3339.Format(expires) };
    }

    public override async Task<GetUserInfoResponse> GetUserInfo(GetUserInfoRequest request, ServerCallContext context)
    {
        var userId = UserCall.Of(context).Acting.UserId;
        var row = await User(userId).GetAccount() ?? throw HiveMindException.NotFound("user", userId);
        return new GetUserInfoResponse { Success = true, User = await Info(row, context) };
    }

    public override async Task<UpdateUserProfileResponse> UpdateUserProfile(UpdateUserProfileRequest request, ServerCallContext context)
    {
        var call = UserCall.Of(context);
        var own = call.Acting.UserId == call.Caller.UserId;
        UserRules.Check(request, own).ThrowIfAny();
        if ((request.Role.Length > 0 || request.IsActive.Length > 0) && !call.Caller.IsAdmin)
            throw HiveMindException.Denied("ADMIN_ONLY", "Only an admin sets role and is_active.");
        if (own && request.NewPassword.Length > 0)
            PasswordRules.Check("new_password", request.NewPassword, call.Caller.Username, request.Email).ThrowIfAny();
        var row = await accounts.Update(call.Acting, UserMapping.ToChange(request), own ? call.Session?.SessionId : null, context.CancellationToken);
        return new UpdateUserProfileResponse { Success = true, Message = "Saved.", User = await Info(row, context) };
    }

    public override async Task<ListSessionsResponse> ListSessions(ListSessionsRequest request, ServerCallContext context)
    {
        var call = UserCall.Of(context);
        var answer = new ListSessionsResponse { Success = true };
        answer.Sessions.AddRange((await User(call.Acting.UserId).ListSessions()).Select(session => UserMapping.ToSession(session, call.Session)));
        return answer;
    }

    public override async Task<RevokeSessionsResponse> RevokeSessions(RevokeSessionsRequest request, ServerCallContext context)
    {
        UserRules.Check(request).ThrowIfAny();
        var call = UserCall.Of(context);
        var ended = await User(call.Acting.UserId).RevokeSessions([.. request.SessionIds], call.Session?.SessionId, Actor.Of(call.Acting));
        return new RevokeSessionsResponse { Success = true, Message = $"{ended} ended.", Ended = ended };
    }

    /// <summary>The session of the call; its token may stand in the request too. In open mode, where calls carry none, the request's own.</summary>
    private async Task<SessionToken> SessionToEnd(string named, UserCall call)
    {
        var token = named.Length == 0 ? call.Session : SessionToken.TryParse(named, database.TokenTagKey);
        if (token is not { Prefix: SessionToken.SessionPrefix }) throw HiveMindException.Unauthenticated();
        if (call.Session is null) await sessions.Check(token);
        else if (!token.SecretHash.AsSpan().SequenceEqual(call.Session.SecretHash) || token.Subject != call.Session.Subject)
            throw HiveMindException.Denied("SESSION_MISMATCH", "session_token is not the one that made this call: leave it empty.");
        return token;
    }

    private async Task<UserInfo> Info(AccountRow row, ServerCallContext context) =>
        UserMapping.ToInfo(row, await database.Balance(row.UserId, context.CancellationToken), (await grains.GetGrain<IAccountLoadGrain>(row.UserId).GetStanding()).HeldMicros);

    private IUserGrain User(string userId) => grains.GetGrain<IUserGrain>(userId);
}

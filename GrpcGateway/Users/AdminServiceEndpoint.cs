using System.Globalization;
using Grpc.Core;
using HiveMind.Auditing;
using HiveMind.Edge;
using HiveMind.Protos;
using HiveMind.Rewards;
using HiveMind.Storage;

namespace HiveMind.Users;

/// <summary>What admins do, on the wire. The policy table lets nobody else come here; each change is noted with the change itself.</summary>
internal sealed class AdminServiceEndpoint(IGrainFactory grains, IAccounts accounts, IPoolDatabase database, IAccountStore accountStore, IAuditLog audit, TimeProvider time)
    : AdminService.AdminServiceBase
{
    public override async Task<ListUsersResponse> ListUsers(ListUsersRequest request, ServerCallContext context)
    {
        AdminRules.Check(request).ThrowIfAny();
        var most = AdminRules.PageSize(request.PageSize);
        var filter = new AccountFilter(request.Text, request.Role, request.State.Length == 0 ? null : request.State == "active");
        var found = await accountStore.Search(filter, AdminRules.ReadPage(request.PageToken)!, most, context.CancellationToken);
        var answer = new ListUsersResponse { Success = true, NextPageToken = found.Count < most ? "" : AdminRules.Page(found[^1].Account.Username) };
        answer.Users.AddRange(found.Select(user => UserMapping.ToInfo(user.Account, user.BalanceMicros)));
        return answer;
    }

    public override async Task<GetUserResponse> GetUser(GetUserRequest request, ServerCallContext context)
    {
        var row = await Find(request.User, context);
        var answer = new GetUserResponse { Success = true, User = await Info(row) };
        answer.Sessions.AddRange((await User(row).ListSessions()).Select(session => UserMapping.ToSession(session, null)));
        return answer;
    }

    public override async Task<SetUserRoleResponse> SetUserRole(SetUserRoleRequest request, ServerCallContext context)
    {
        AdminRules.Check(request).ThrowIfAny();
        var row = await Change(request.User, new() { Role = request.Role }, context);
        return new SetUserRoleResponse { Success = true, Message = $"{row.Username} is {row.Role}.", User = await Info(row) };
    }

    public override async Task<SetUserActiveResponse> SetUserActive(SetUserActiveRequest request, ServerCallContext context)
    {
        var row = await Change(request.User, new() { IsActive = request.Active }, context);
        return new SetUserActiveResponse { Success = true, Message = $"{row.Username} is {(row.IsActive ? "active" : "inactive")}.", User = await Info(row) };
    }

    public override async Task<ResetPasswordResponse> ResetPassword(ResetPasswordRequest request, ServerCallContext context)
    {
        var row = await Find(request.User, context);
        var password = await accounts.ResetPassword(row.UserId, By(context), context.CancellationToken);
        var until = (await User(row).GetAccount())?.TemporaryUntil ?? time.GetUtcNow();
        return new ResetPasswordResponse
        {
            Success = true, Message = $"{row.Username} logs in with it once it is told, and must set a new one.", TemporaryPassword = password,
            ExpiresAt = Rfc3339.Format(until),
        };
    }

    public override async Task<EndSessionsResponse> EndSessions(EndSessionsRequest request, ServerCallContext context)
    {
        var row = await Find(request.User, context);
        var ended = await User(row).RevokeSessions([], null, By(context));
        return new EndSessionsResponse { Success = true, Message = $"{ended} ended.", Ended = ended };
    }

    public override async Task<AdjustCreditsResponse> AdjustCredits(AdjustCreditsRequest request, ServerCallContext context)
    {
        AdminRules.Check(request).ThrowIfAny();
        var row = await Find(request.User, context);
        var id = request.RequestId.Length > 0 ? request.RequestId : Guid.NewGuid().ToString("N", CultureInfo.InvariantCulture);
        var change = new CreditChange(row.UserId, AdminRules.Micros(request.Credits), request.Reason.Trim(), id);
        if (change.Micros < 0 && -change.Micros > (await Standing(row)).FreeMicros && !await accountStore.IsAdjusted(change, context.CancellationToken))
            throw HiveMindException.Precondition("INSUFFICIENT_CREDITS", $"'{row.Username}' has less than that free: the rest is held for open tasks.");
        var balance = await accountStore.AdjustCredits(change, By(context), context.CancellationToken);
        return new AdjustCreditsResponse { Success = true, Message = "Done.", BalanceCredits = Credits.ToCredits(balance) };
    }

    public override async Task<MakeRegistrationCodeResponse> MakeRegistrationCode(MakeRegistrationCodeRequest request, ServerCallContext context)
    {
        AdminRules.Check(request).ThrowIfAny();
        var goodFor = request.ValidSeconds == 0 ? TimeSpan.FromDays(7) : TimeSpan.FromSeconds(request.ValidSeconds);
        var made = await accountStore.MakeCode(new(Math.Max(1, request.Uses), goodFor, request.Note, request.Username), By(context), context.CancellationToken);
        return new MakeRegistrationCodeResponse
        {
            Success = true, Message = "Give it to whom it is for: it is shown once.", Code = made.Code, Registered = ToCode(made.Registered),
        };
    }

    public override async Task<ListRegistrationCodesResponse> ListRegistrationCodes(ListRegistrationCodesRequest request, ServerCallContext context)
    {
        var answer = new ListRegistrationCodesResponse { Success = true };
        answer.Codes.AddRange((await accountStore.ListCodes(AdminRules.LargestPage, context.CancellationToken)).Select(ToCode));
        return answer;
    }

    public override async Task<RevokeRegistrationCodeResponse> RevokeRegistrationCode(RevokeRegistrationCodeRequest request, ServerCallContext context) =>
        await accountStore.RevokeCode(request.CodeId, By(context), context.CancellationToken)
            ? new RevokeRegistrationCodeResponse { Success = true, Message = "Revoked." }
            : throw HiveMindException.NotFound("registration code", Text.Shown(request.CodeId));

    public override async Task<ListAuditResponse> ListAudit(ListAuditRequest request, ServerCallContext context)
    {
        AdminRules.Check(request).ThrowIfAny();
        var (most, below) = (AdminRules.PageSize(request.PageSize), AdminRules.ReadPage(request.PageToken)!);
        var rows = await audit.Read(AdminRules.ToFilter(request), below.Length == 0 ? null : below, most, context.CancellationToken);
        var answer = new ListAuditResponse { Success = true, NextPageToken = rows.Count < most ? "" : AdminRules.Page(rows[^1].AuditId) };
        answer.Entries.AddRange(rows.Select(ToEntry));
        return answer;
    }

    private async Task<AccountRow> Change(string user, AccountChange change, ServerCallContext context) =>
        await User(await Find(user, context)).Change(change, null, By(context));

    /// <summary>By id or by name.</summary>
    private async Task<AccountRow> Find(string user, ServerCallContext context) =>
        !Text.IsId(user) ? throw HiveMindException.NotFound("user", Text.Shown(user))
        : await database.FindAccount(user, context.CancellationToken) ?? await database.FindAccountByName(user, context.CancellationToken)
            ?? throw HiveMindException.NotFound("user", user);

    private async Task<UserInfo> Info(AccountRow row)
    {
        var standing = await Standing(row);
        return UserMapping.ToInfo(row, standing.BalanceMicros, standing.HeldMicros);
    }

    private Task<AccountStanding> Standing(AccountRow row) => grains.GetGrain<IAccountLoadGrain>(row.UserId).GetStanding();

    private IUserGrain User(AccountRow row) => grains.GetGrain<IUserGrain>(row.UserId);

    private static Actor By(ServerCallContext context) => Actor.Of(UserCall.Of(context).Caller);

    private static Protos.RegistrationCode ToCode(Storage.RegistrationCode code) => new()
    {
        CodeId = code.CodeId, MadeBy = code.MadeBy, MadeAt = Rfc3339.Format(code.MadeAt), ExpiresAt = Rfc3339.Format(code.ExpiresAt), Uses = code.Uses,
        UsesLeft = code.UsesLeft, Note = code.Note, Username = code.OnlyName,
    };

    private static AuditEntry ToEntry(AuditRow row) => new()
    {
        AuditId = row.AuditId, At = Rfc3339.Format(row.At), Actor = row.Actor, Address = row.Address, Action = row.Action, Subject = row.Subject,
        Before = row.Before, After = row.After, Times = row.Times,
    };
}

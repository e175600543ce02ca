using HiveMind.Users;

namespace HiveMind.Edge;

/// <summary>Whose account a `user_id` means: of a whole call, or of one task among many of a stream.</summary>
internal sealed class ActingAccounts(IGrainFactory grains, IAccounts accounts)
{
    public const string LocalAccount = "local";

    /// <summary>For the caller: their own; another's for admins only.</summary>
    public async Task<Caller> For(Caller caller, string userId)
    {
        if (userId.Length == 0 || userId == caller.UserId) return caller;
        if (!caller.IsAdmin)
            throw new HiveMindException(FailureKind.PermissionDenied, "USER_MISMATCH", "user_id is not the caller's: leave it empty.", "user_id");
        var row = Text.IsId(userId) ? await grains.GetGrain<IUserGrain>(userId).GetAccount() : null;
        return row is null ? throw HiveMindException.NotFound("user", Text.Shown(userId)) : new Caller(row.UserId, row.Username, row.Role) { Address = caller.Address, ActingAdmin = caller.UserId };
    }

    /// <summary>Open mode without a token. Whoever names an account acts as it, but never as an admin: that takes a login in every mode.</summary>
    public async Task<Caller> Named(string userId, CancellationToken cancel)
    {
        if (userId.Length > 0 && !Text.IsId(userId)) throw HiveMindException.Invalid("user_id", "Up to 64 of A-Z a-z 0-9 . _ -");
        return await accounts.OpenAccount(userId.Length == 0 ? LocalAccount : userId, cancel) with { Role = Roles.User };
    }

    /// <summary>What one task of a user call's stream means by its own `user_id`.</summary>
    public async Task<Caller> Within(UserCall call, string userId, CancellationToken cancel) =>
        userId.Length == 0 || userId == call.Acting.UserId ? call.Acting
        : call.Session is null ? await Named(userId, cancel)
        : await For(call.Caller, userId);
}

namespace HiveMind.Users;

/// <summary>Makes accounts. Implemented beside UserGrain: validates nothing on the wire, hashes within the slots, writes one transaction.</summary>
public interface IAccounts
{
    /// <summary>AlreadyExists names username or email. A right admin code makes an admin and is used up in the same transaction.</summary>
    Task<AccountRow> Register(NewAccount account, CancellationToken cancel);
    /// <summary>User id of a user name (any letter case), or null.</summary>
    Task<string?> FindUserId(string username, CancellationToken cancel);
    /// <summary>Spends the time of one password check: for names that do not exist.</summary>
    Task PretendCheck(string password, CancellationToken cancel);
    /// <summary>Open mode: the account of that id, made on first use, unable to log in.</summary>
    Task<Caller> OpenAccount(string userId, CancellationToken cancel);
}

public sealed record NewAccount(string Username, string Password, string Email, string DisplayName, string AdminCode);

using System.Security.Cryptography;
using System.Text;
using HiveMind.Rewards;
using HiveMind.Storage;
using Microsoft.Extensions.Options;

namespace HiveMind.Users;

/// <summary>Makes accounts: the commit is the books' transaction of row and starting credits.</summary>
public sealed class Accounts(IBooks books, HashingSlots hashing, IOptions<HubOptions> options, TimeProvider time) : IAccounts
{
    public async Task<AccountRow> Register(NewAccount account, CancellationToken cancel)
    {
        var salt = PasswordHash.NewSalt();
        var hash = await hashing.Run(() => PasswordHash.Compute(account.Password, salt));
        var isAdmin = account.AdminCode.Length > 0;
        var row = new AccountRow
        {
            UserId = $"u-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8))}", Username = account.Username, Email = account.Email,
            DisplayName = account.DisplayName, PasswordHash = hash, Salt = salt, CreatedAt = time.GetUtcNow(), Role = isAdmin ? Roles.Admin : Roles.User,
        };
        var codeHash = isAdmin ? Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(account.AdminCode.Trim()))) : null;
        await books.AddAccount(row, StartingMicros, codeHash, cancel);
        AccountInstruments.Registered();
        return row;
    }

    public async Task<string?> FindUserId(string username, CancellationToken cancel) => (await books.FindAccountByName(username, cancel))?.UserId;

    public Task PretendCheck(string password, CancellationToken cancel)
    {
        AccountInstruments.LoginRefused();
        return hashing.Run(() => PasswordHash.Matches(password, PasswordHash.NewSalt(), PasswordHash.Locked));
    }

    public async Task<Caller> OpenAccount(string userId, CancellationToken cancel)
    {
        var row = await books.FindAccount(userId, cancel);
        if (row is null)
        {
            row = new AccountRow
            {
                // ':' is in no registered name, '.invalid' in no registered address: nobody's name can be taken from here.
                UserId = userId, Username = $"open:{userId}", Email = $"{userId}@open.invalid", PasswordHash = PasswordHash.Locked, Salt = "",
                CreatedAt = time.GetUtcNow(),
            };
            try
            {
                await books.AddAccount(row, StartingMicros, null, cancel);
            }
            catch (HiveMindException taken) when (taken.Kind == FailureKind.AlreadyExists)
            {
                row = await books.FindAccount(userId, cancel) ?? row; // made by a call at the same time
            }
        }

        return row.IsActive ? new(row.UserId, row.Username, row.Role) : throw HiveMindException.Unauthenticated();
    }

    private long StartingMicros => (long)(options.Value.Rewards.StartingCredits * Credits.Micro);
}

using HiveMind.Auditing;
using HiveMind.Storage;
using HiveMind.Users;

namespace HiveMind.Tests;

internal static class BookAccounts
{
    /// <summary>An account that nobody in particular made.</summary>
    public static Task AddAccount(this SqliteBooks books, AccountRow account, long startingMicros, string? adminCode, CancellationToken cancel) =>
        books.AddAccount(account, new AccountOpening(startingMicros, Actor.Hub, adminCode ?? ""), cancel);

    public static Task UpdateAccount(this SqliteBooks books, AccountRow account, CancellationToken cancel) => books.UpdateAccount(account, Actor.Hub, cancel);
}

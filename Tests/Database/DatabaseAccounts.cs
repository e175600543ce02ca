using HiveMind.Auditing;
using HiveMind.Storage;
using HiveMind.Users;

namespace HiveMind.Tests;

internal static class DatabaseAccounts
{
    /// <summary>An account that nobody in particular made.</summary>
    public static Task AddAccount(this SqliteDatabase database, AccountRow account, long startingMicros, string? adminCode, CancellationToken cancel) =>
        database.AddAccount(account, new AccountOpening(startingMicros, Actor.Hub, adminCode ?? ""), cancel);

    public static Task UpdateAccount(this SqliteDatabase database, AccountRow account, CancellationToken cancel) => database.UpdateAccount(account, Actor.Hub, cancel);
}

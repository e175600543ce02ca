using System.Globalization;
using Dapper;
using HiveMind.Users;
using Microsoft.Data.Sqlite;

namespace HiveMind.Storage;

/// <summary>The users table, row for row. Names and e-mails are unique without letter case, by keys that the table itself keeps unique.</summary>
internal static class AccountSql
{
    public static string Key(string text) => text.ToLowerInvariant();

    public static AccountRow? Find(SqliteConnection connection, string column, string value) => connection.QuerySingleOrDefault<Row>(
        $"""
        SELECT user_id AS UserId, username AS Username, email AS Email, display_name AS DisplayName, password_hash AS PasswordHash,
            salt AS Salt, created_at AS CreatedAt, last_login AS LastLogin, role AS Role, is_active AS IsActive
        FROM users WHERE {column} = @value
        """, new { value })?.ToAccount();

    public static void Insert(SqliteConnection connection, SqliteTransaction transaction, AccountRow account) => connection.Execute(
        """
        INSERT INTO users (user_id, username, email, password_hash, salt, created_at, last_login, role, is_active, display_name,
            username_key, email_key)
        VALUES (@UserId, @Username, @Email, @PasswordHash, @Salt, @CreatedAt, @LastLogin, @Role, @IsActive, @DisplayName,
            @UsernameKey, @EmailKey)
        """, Values(account), transaction);

    public static void Update(SqliteConnection connection, SqliteTransaction transaction, AccountRow account) => connection.Execute(
        """
        UPDATE users SET email = @Email, email_key = @EmailKey, display_name = @DisplayName, password_hash = @PasswordHash, salt = @Salt,
            role = @Role, is_active = @IsActive WHERE user_id = @UserId
        """, Values(account), transaction);

    /// <summary>Which unique key a row ran into; null when it was something else.</summary>
    public static HiveMindException? Conflict(SqliteException e, AccountRow account) => e.SqliteErrorCode != 19 ? null
        : e.Message.Contains("users.username", StringComparison.Ordinal)
            ? HiveMindException.Taken("username", $"The user name '{account.Username}' is taken.")
        : e.Message.Contains("users.email", StringComparison.Ordinal)
            ? HiveMindException.Taken("email", $"The e-mail '{account.Email}' is taken.")
        : e.Message.Contains("users.user_id", StringComparison.Ordinal)
            ? HiveMindException.Taken("user_id", $"The id '{account.UserId}' is taken.")
        : null;

    private static object Values(AccountRow a) => new
    {
        a.UserId, a.Username, a.Email, a.PasswordHash, a.Salt, CreatedAt = a.CreatedAt.UtcDateTime,
        LastLogin = a.LastLogin?.UtcDateTime, a.Role, a.IsActive, a.DisplayName, UsernameKey = Key(a.Username), EmailKey = Key(a.Email),
    };

    private sealed class Row
    {
        public string UserId { get; init; } = "";
        public string Username { get; init; } = "";
        public string Email { get; init; } = "";
        public string DisplayName { get; init; } = "";
        public string PasswordHash { get; init; } = "";
        public string Salt { get; init; } = "";
        public string CreatedAt { get; init; } = "";
        public string? LastLogin { get; init; }
        public string Role { get; init; } = "";
        public long IsActive { get; init; }

        public AccountRow ToAccount() => new()
        {
            UserId = UserId, Username = Username, Email = Email, DisplayName = DisplayName, PasswordHash = PasswordHash, Salt = Salt,
            CreatedAt = Moment(CreatedAt), LastLogin = LastLogin is null ? null : Moment(LastLogin), Role = Role, IsActive = IsActive != 0,
        };

        private static DateTimeOffset Moment(string text) =>
            DateTimeOffset.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal);
    }
}

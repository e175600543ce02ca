using System.Globalization;
using Dapper;
using HiveMind.Users;
using Microsoft.Data.Sqlite;

namespace HiveMind.Storage;

/// <summary>The users table, row for row. Names and e-mails are unique without letter case, by keys that the table itself keeps unique.</summary>
internal static class AccountSql
{
    public static string Key(string text) => text.ToLowerInvariant();

    private const string Columns =
        """
        users.user_id AS UserId, username AS Username, email AS Email, display_name AS DisplayName, password_hash AS PasswordHash, salt AS Salt,
            CAST(created_at AS TEXT) AS CreatedAt, CAST(last_login AS TEXT) AS LastLogin, role AS Role, CAST(is_active AS INTEGER) AS IsActive,
            CAST(temporary_ms AS INTEGER) AS TemporaryMs
        """;

    public static AccountRow? Find(SqliteConnection connection, string column, string value) =>
        connection.QuerySingleOrDefault<Row>($"SELECT {Columns} FROM users WHERE {column} = @value", new { value })?.ToAccount();

    /// <summary>With whether that network is known to it since then.</summary>
    public static KnownAccount FindKnown(SqliteConnection connection, string nameKey, string networkHash, long sinceMs)
    {
        var row = connection.QuerySingleOrDefault<Row>(
            $"""
            SELECT {Columns}, EXISTS (SELECT 1 FROM known_networks
                WHERE known_networks.user_id = users.user_id AND network_hash = @networkHash AND last_ms >= @sinceMs) AS Number
            FROM users WHERE username_key = @nameKey
            """, new { nameKey, networkHash, sinceMs });
        return new(row?.ToAccount(), row is { Number: > 0 });
    }

    /// <summary>By name, behind that one; Number is the balance.</summary>
    public static IReadOnlyList<ListedAccount> Search(SqliteConnection connection, AccountFilter filter, string afterKey, int most)
    {
        var part = $"%{Key(filter.Text).Replace("\\", "\\\\", StringComparison.Ordinal).Replace("%", "\\%", StringComparison.Ordinal).Replace("_", "\\_", StringComparison.Ordinal)}%";
        return
        [
            .. connection.Query<Row>(
                $"""
                SELECT {Columns}, coalesce(accounts.balance_micros, 0) AS Number
                FROM users LEFT JOIN accounts ON accounts.account_id = users.user_id
                WHERE username_key > @afterKey AND (@any = 1 OR username_key LIKE @part ESCAPE '\' OR email_key LIKE @part ESCAPE '\'
                    OR lower(display_name) LIKE @part ESCAPE '\' OR users.user_id = @text)
                    AND (@role = '' OR role = @role) AND (@active < 0 OR is_active = @active)
                ORDER BY username_key LIMIT @most
                """,
                new
                {
                    afterKey, part, any = filter.Text.Length == 0 ? 1 : 0, text = filter.Text, role = filter.Role,
                    active = filter.IsActive is { } active ? active ? 1 : 0 : -1, most,
                }).Select(row => new ListedAccount(row.ToAccount(), row.Number)),
        ];
    }

    /// <summary>Admins besides that one who can log in.</summary>
    public static long OtherActiveAdmins(SqliteConnection connection, string userId) => connection.ExecuteScalar<long>(
        "SELECT count(*) FROM users WHERE role = @admin AND is_active = 1 AND user_id <> @userId AND password_hash <> '!'", new { admin = Roles.Admin, userId });

    public static void SetClosing(SqliteConnection connection, SqliteTransaction transaction, string userId, long? sinceMs) => connection.Execute(
        "UPDATE users SET closing_ms = @sinceMs WHERE user_id = @userId", new { userId, sinceMs }, transaction);

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
            role = @Role, is_active = @IsActive, temporary_ms = @TemporaryMs WHERE user_id = @UserId
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
        LastLogin = a.LastLogin?.UtcDateTime, a.Role, a.IsActive, a.DisplayName, TemporaryMs = a.TemporaryUntil?.ToUnixTimeMilliseconds(), UsernameKey = Key(a.Username), EmailKey = Key(a.Email),
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
        public long? TemporaryMs { get; init; }
        public long Number { get; init; }

        public AccountRow ToAccount() => new()
        {
            UserId = UserId, Username = Username, Email = Email, DisplayName = DisplayName, PasswordHash = PasswordHash, Salt = Salt,
            CreatedAt = Moment(CreatedAt), LastLogin = LastLogin is null ? null : Moment(LastLogin), Role = Role, IsActive = IsActive != 0,
            TemporaryUntil = TemporaryMs is { } ms ? StoredTime.Of(ms) : null,
        };

        /// <summary>For show only: what is none fails neither the list nor the login.</summary>
        private DateTimeOffset Moment(string text)
        {
            if (DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var moment)) return moment;
            UnreadableRecords.Meet($"books/users/{UserId}");
            return DateTimeOffset.UnixEpoch;
        }
    }
}

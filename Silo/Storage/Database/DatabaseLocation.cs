using System.Data.Common;
using Microsoft.Data.Sqlite;

namespace HiveMind.Storage;

/// <summary>Where the database is: the one reading of `Books:ConnectionString`. A refusal repeats no secret.</summary>
public static class DatabaseLocation
{
    private static readonly string[] ServerKeys = ["host", "server", "addr", "address", "network address"];

    /// <summary>Empty: `books.db` in the data directory. Else a path, or `Data Source=path`; relative paths start at the data directory.</summary>
    public static string FindFile(string? connectionString, string dataDirectory)
    {
        if (string.IsNullOrWhiteSpace(connectionString)) return Path.GetFullPath("books.db", dataDirectory);
        var file = connectionString.Trim();
        if (file.StartsWith("postgres", StringComparison.OrdinalIgnoreCase) && file.Contains("://", StringComparison.Ordinal)) throw NotSqlite();
        if (file.Contains('=', StringComparison.Ordinal)) file = Parse(file);
        if (file.Length == 0 || file.Contains(":memory:", StringComparison.OrdinalIgnoreCase))
            throw new StoreRefusedException("Books:ConnectionString names no file: the database must outlive the process. Use Data Source=FILE.");
        return Path.GetFullPath(file, dataDirectory);
    }

    private static string Parse(string text)
    {
        try
        {
            var general = new DbConnectionStringBuilder { ConnectionString = text };
            if (ServerKeys.Any(general.ContainsKey)) throw NotSqlite();
            var sqlite = new SqliteConnectionStringBuilder(text);
            return sqlite.Mode == SqliteOpenMode.Memory ? "" : sqlite.DataSource;
        }
        catch (ArgumentException e)
        {
            throw new StoreRefusedException("Books:ConnectionString cannot be read. Use Data Source=FILE, or leave it empty.", e);
        }
    }

    private static StoreRefusedException NotSqlite() =>
        new("Books:ConnectionString names a database server, but only a SQLite database is connected yet. Use Data Source=FILE, or leave it empty.");
}

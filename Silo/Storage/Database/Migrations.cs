using System.Globalization;
using System.Reflection;
using Dapper;
using Microsoft.Data.Sqlite;

namespace HiveMind.Storage;

/// <summary>Brings the database to the schema of this code: numbered scripts, each applied once, all that are missing in one transaction.</summary>
internal static class Migrations
{
    private const string Prefix = "HiveMind.Storage.Database.Migrations.";

    public static readonly IReadOnlyList<(int Version, string Resource)> All =
    [
        .. Assembly.GetExecutingAssembly().GetManifestResourceNames().Where(n => n.StartsWith(Prefix, StringComparison.Ordinal))
            .Select(n => (int.Parse(n.AsSpan(Prefix.Length, 4), CultureInfo.InvariantCulture), n)).Order(),
    ];

    public static void Apply(SqliteConnection connection, DateTimeOffset now, int upTo = int.MaxValue)
    {
        using var transaction = connection.BeginTransaction(deferred: false);
        connection.Execute(
            "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY, script TEXT NOT NULL, applied_ms BIGINT NOT NULL)",
            transaction: transaction);
        var at = connection.ExecuteScalar<int>("SELECT coalesce(max(version), 0) FROM schema_version", transaction: transaction);
        if (at > All[^1].Version)
        {
            throw new StoreRefusedException(
                $"The database {connection.DataSource} has schema {at}, this HiveMind knows up to {All[^1].Version}: start the newer version.");
        }

        foreach (var (version, resource) in All.Where(m => m.Version > at && m.Version <= upTo))
        {
            using var script = new StreamReader(Assembly.GetExecutingAssembly().GetManifestResourceStream(resource)!);
            connection.Execute(script.ReadToEnd(), transaction: transaction);
            connection.Execute("INSERT INTO schema_version (version, script, applied_ms) VALUES (@version, @script, @at)",
                new { version, script = resource[Prefix.Length..], at = now.ToUnixTimeMilliseconds() }, transaction);
        }

        transaction.Commit();
    }
}

using Dapper;

namespace HiveMind.Storage;

/// <summary>
/// SQLite's locks and log hold on one host only. Every silo renews a row while it runs, and none starts while another host's row is alive.
/// A silo whose row may have run out writes nothing more until it is renewed.
/// </summary>
public sealed partial class SqliteDatabase
{
    internal static readonly TimeSpan LeaseTime = TimeSpan.FromSeconds(60);
    private long? _leasedAt;
    private readonly string _silo = Guid.NewGuid().ToString("N");

    /// <summary>Call before the host is built. Throws <see cref="StoreRefusedException"/> when a silo on another host uses this database.</summary>
    public void TakeLease(string? host = null)
    {
        host ??= Environment.MachineName;
        var asked = _time.GetTimestamp();
        var now = _time.GetUtcNow().ToUnixTimeMilliseconds();
        var other = _file.Write((c, t) =>
        {
            c.Execute("DELETE FROM silo_leases WHERE until_ms <= @now", new { now }, t);
            var found = c.QueryFirstOrDefault<string?>("SELECT host FROM silo_leases WHERE host <> @host ORDER BY until_ms DESC LIMIT 1",
                new { host }, t);
            if (found is not null) return found;
            c.Execute(
                """
                INSERT INTO silo_leases (silo, host, until_ms) VALUES (@silo, @host, @until)
                ON CONFLICT (silo) DO UPDATE SET until_ms = excluded.until_ms
                """, new { silo = _silo, host, until = now + (long)LeaseTime.TotalMilliseconds }, t);
            return null;
        }, CancellationToken.None, isFenced: false).GetAwaiter().GetResult();
        if (other is null)
        {
            _leasedAt = asked;
            return;
        }

        throw new StoreRefusedException(
            $"The database {FilePath} is in use by a silo on host '{other}': a SQLite database serves the silos of one host. " +
            $"If it is gone, try again in {LeaseTime.TotalSeconds:0} s.");
    }

    /// <summary>Whether this silo once had the lease and cannot be sure of it any more.</summary>
    internal bool LeaseRanOut => _leasedAt is { } at && _time.GetElapsedTime(at) >= LeaseTime;

    private HiveMindException? LeaseFence() => LeaseRanOut
        ? HiveMindException.Unavailable("BOOKS_UNAVAILABLE", "The database's lease of this silo ran out: nothing is written until it is renewed.") : null;

    internal void ReleaseLease() => _file.Write(
        (c, t) => c.Execute("DELETE FROM silo_leases WHERE silo = @silo", new { silo = _silo }, t), CancellationToken.None, isFenced: false).GetAwaiter().GetResult();
}

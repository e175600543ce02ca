using System.Globalization;
using Dapper;
using HiveMind.Auditing;
using Microsoft.Data.Sqlite;

namespace HiveMind.Storage;

public sealed partial class SqliteDatabase : IAuditLog
{
    private static readonly Lock AuditOrder = new();
    private static long _lastAudit;

    public Task Note(AuditEvent entry, CancellationToken cancel = default) => NoteAll([entry], cancel);

    /// <summary>All of them or none.</summary>
    public Task NoteAll(IReadOnlyList<AuditEvent> entries, CancellationToken cancel = default) => _file.Write((c, t) =>
    {
        foreach (var entry in entries) Audit(c, t, entry);
        return 0;
    }, cancel);

    public Task<IReadOnlyList<AuditRow>> Read(AuditFilter filter, string? below, int most, CancellationToken cancel = default) =>
        _file.Read<IReadOnlyList<AuditRow>>(c =>
        {
            var conditions = new List<string>();
            if (filter.Actor.Length > 0) conditions.Add("actor = @Actor");
            if (filter.Subject.Length > 0) conditions.Add("subject = @Subject");
            if (filter.Action.Length > 0) conditions.Add("action = @Action");
            if (filter.Since is not null) conditions.Add("audit_id >= @since");
            if (below is not null) conditions.Add("audit_id < @below");
            var where = conditions.Count > 0 ? $"WHERE {string.Join(" AND ", conditions)}" : "";
            return
            [
                .. c.Query<StoredAudit>(
                    $"""
                    SELECT audit_id AS AuditId, CAST(at_ms AS INTEGER) AS AtMs, CAST(actor AS TEXT) AS Actor, CAST(address AS TEXT) AS Address,
                        CAST(action AS TEXT) AS Action, CAST(subject AS TEXT) AS Subject, CAST(value_before AS TEXT) AS ValueBefore,
                        CAST(value_after AS TEXT) AS ValueAfter, CAST(times AS INTEGER) AS Times
                    FROM audit_log {where} ORDER BY audit_id DESC LIMIT @most
                    """,
                    new { filter.Actor, filter.Subject, filter.Action, below, most, since = AuditId(filter.Since?.ToUnixTimeMilliseconds() ?? 0, Guid.Empty) })
                    .Select(row => row.ToRow()),
            ];
        }, cancel);

    private void Audit(SqliteConnection connection, SqliteTransaction transaction, AuditEvent entry)
    {
        var at = _time.GetUtcNow().ToUnixTimeMilliseconds();
        connection.Execute(
            """
            INSERT INTO audit_log (audit_id, at_ms, actor, address, action, subject, value_before, value_after, times)
            VALUES (@id, @at, @actor, @address, @Action, @Subject, @Before, @After, @Times)
            """,
            new
            {
                id = NextAuditId(at), at, actor = entry.Actor.Id, address = entry.Actor.Address, entry.Action, entry.Subject, entry.Before, entry.After,
                entry.Times,
            }, transaction);
    }

    /// <summary>Of two that one silo notes the later has the greater id, also within one millisecond and when the clock steps back.</summary>
    private static string NextAuditId(long atMs)
    {
        lock (AuditOrder) _lastAudit = Math.Max(_lastAudit + 1, atMs << 12);
        return AuditId(_lastAudit >> 12, Guid.NewGuid(), (int)(_lastAudit & 0xFFF));
    }

    /// <summary>48 bits of time, then a number within the millisecond, then chance: 32 hex digits, as a version 7 UUID.</summary>
    private static string AuditId(long atMs, Guid chance, int number = 0) => string.Create(CultureInfo.InvariantCulture,
        $"{Math.Max(0, atMs):x12}7{number:x3}{(chance == Guid.Empty ? new string('0', 16) : chance.ToString("N")[16..])}");

    private sealed class StoredAudit
    {
        public string AuditId { get; init; } = "";
        public long AtMs { get; init; }
        public string Actor { get; init; } = "";
        public string Address { get; init; } = "";
        public string Action { get; init; } = "";
        public string Subject { get; init; } = "";
        public string ValueBefore { get; init; } = "";
        public string ValueAfter { get; init; } = "";
        public long Times { get; init; }

        /// <summary>Its place in the list is its id's: a time that is none is shown as the nearest that there is.</summary>
        public AuditRow ToRow()
        {
            if (!StoredTime.IsOne(AtMs)) UnreadableRecords.Meet($"books/audit_log/{AuditId}");
            return new(AuditId, StoredTime.Of(AtMs), Actor, Address, Action, Subject, ValueBefore, ValueAfter, Times);
        }
    }
}

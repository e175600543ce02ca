using Dapper;
using HiveMind.Rewards;
using HiveMind.Tasks;

namespace HiveMind.Storage;

/// <summary>Which files the outputs of ended tasks are.</summary>
public sealed partial class SqliteDatabase
{
    private const int OutputsVersion = 3;

    public Task<long> OutputBytes(string userId, CancellationToken cancel) => _file.Read(c => c.ExecuteScalar<long>(
        """
        SELECT coalesce(sum(result_size + stderr_size), 0) FROM task_history
        WHERE user_id = @userId AND expired_ms IS NULL AND (result_size > 4096 OR stderr_size > 4096)
        """, new { userId }), cancel);

    public Task<bool> OutputsExpired(string taskId, CancellationToken cancel) => _file.Read(
        c => c.ExecuteScalar<long>("SELECT count(*) FROM task_history WHERE task_id = @taskId AND expired_ms IS NOT NULL", new { taskId }) > 0, cancel);

    /// <summary>For each that is the output of an ended task: when the last such task ended.</summary>
    internal Task<IReadOnlyDictionary<string, DateTimeOffset>> LastEnded(IReadOnlyCollection<string> hashes, CancellationToken cancel) =>
        _file.Read<IReadOnlyDictionary<string, DateTimeOffset>>(c => c.Query<(string Hash, long Ended)>(
            """
            SELECT hash, max(ended) FROM (
                SELECT result_sha256 AS hash, ended_ms AS ended FROM task_history WHERE result_size > 4096 AND result_sha256 IN @hashes
                UNION ALL
                SELECT stderr_sha256 AS hash, ended_ms AS ended FROM task_history WHERE stderr_size > 4096 AND stderr_sha256 IN @hashes) AS outputs
            GROUP BY hash
            """, new { hashes }).ToDictionary(row => row.Hash, row => StoredTime.Of(row.Ended)), cancel);

    internal Task NoteExpired(IReadOnlyCollection<string> hashes, CancellationToken cancel) => _file.Write((c, t) => c.Execute(
        """
        UPDATE task_history SET expired_ms = @now WHERE expired_ms IS NULL AND (
            (result_size > 4096 AND result_sha256 IN @hashes) OR (stderr_size > 4096 AND stderr_sha256 IN @hashes))
        """, new { now = _time.GetUtcNow().ToUnixTimeMilliseconds(), hashes }, t), cancel);

    /// <summary>Outputs of ended tasks that could not be written and wait for somebody to mend them.</summary>
    /// <param name="unknown">Of one that cannot be read: when it was put there, just after its task's end.</param>
    /// <param name="cancel">Ends the read.</param>
    internal Task<IReadOnlyList<string>> ParkedOutputs(Action<DateTimeOffset> unknown, CancellationToken cancel) => _file.Read<IReadOnlyList<string>>(
        c => [.. c.Query<(string TaskId, string Payload, long At)>("SELECT task_id, CAST(payload AS TEXT), CAST(at_ms AS INTEGER) FROM parked_settlements")
            .Select(row => Parked(row.TaskId, row.Payload, row.At, unknown)).OfType<Settlement>()
            .SelectMany(parked => new (string Hash, long Size)[] { (parked.ResultSha256, parked.ResultSize), (parked.StderrSha256, parked.StderrSize) })
            .Where(output => output.Size > BlobRef.InlineLimit).Select(output => output.Hash)], cancel);

    private Settlement? Parked(string taskId, string payload, long atMs, Action<DateTimeOffset> unknown)
    {
        if (Unpark(payload) is { } settlement && IsKnown(settlement.ResultSha256, settlement.ResultSize) && IsKnown(settlement.StderrSha256, settlement.StderrSize))
            return settlement;
        UnreadableRecords.Meet($"books/parked_settlements/{taskId}");
        unknown(DateTimeOffset.FromUnixTimeMilliseconds(Math.Clamp(atMs, 0, _time.GetUtcNow().ToUnixTimeMilliseconds())));
        return null;

        static bool IsKnown(string sha256, long size) => size <= BlobRef.InlineLimit || DirectoryFiles.IsHash(sha256);
    }

    internal Task<DateTimeOffset> OutputsKnownSince(CancellationToken cancel) => _file.Read(c => DateTimeOffset.FromUnixTimeMilliseconds(
        c.ExecuteScalar<long>("SELECT applied_ms FROM schema_version WHERE version = @OutputsVersion", new { OutputsVersion })), cancel);
}

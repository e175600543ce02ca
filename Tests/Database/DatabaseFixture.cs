using Dapper;
using HiveMind.Rewards;
using HiveMind.Storage;
using HiveMind.Tasks;
using HiveMind.Users;
using Microsoft.Extensions.Logging.Abstractions;

namespace HiveMind.Tests.Database;

/// <summary>A folder of one test, gone at its end.</summary>
internal sealed class TestFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("hivemind-test-").FullName;

    public string DatabasePath => System.IO.Path.Combine(Path, "books.db");

    public SqliteDatabase OpenDatabase() => SqliteDatabase.Open(DatabasePath, TimeProvider.System);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}

/// <summary>An index that only remembers what was removed; it can be told to fail first.</summary>
internal sealed class RemovedIds(int failures = 0) : IUnfinishedIndex
{
    private readonly Lock _gate = new();
    private readonly List<string> _ids = [];
    private int _failures = failures;

    public IReadOnlyList<string> Ids
    {
        get
        {
            lock (_gate) return [.. _ids];
        }
    }

    public Task Remove(IReadOnlyList<string> taskIds)
    {
        lock (_gate)
        {
            if (_failures-- > 0) throw HiveMindException.Unavailable("FLOOR_UNAVAILABLE", "The state store is away.");
            _ids.AddRange(taskIds);
        }

        return Task.CompletedTask;
    }

    public Task Add(IReadOnlyList<HiveMind.Scheduling.PendingTask> tasks) => throw new NotSupportedException();
    public Task Mark(IReadOnlyList<string> taskIds, string nodeId) => throw new NotSupportedException();
    public Task Return(HiveMind.Scheduling.PendingTask task) => throw new NotSupportedException();
    public Task<IReadOnlyDictionary<string, string?>> Find(IReadOnlyList<string> taskIds) => throw new NotSupportedException();
    public Task<long> Count() => throw new NotSupportedException();
    public Task AddMissing(IReadOnlyList<HiveMind.Scheduling.PendingTask> tasks) => throw new NotSupportedException();
    public Task<bool> RemoveAsRead(string taskId, ReadOnlyMemory<byte> stored) => throw new NotSupportedException();
    public IAsyncEnumerable<UnfinishedEntry> Scan(CancellationToken cancel = default, Action<UnreadableEntry>? unreadable = null) => throw new NotSupportedException();
}

internal static class Make
{
    public static readonly DateTimeOffset Now = new(2026, 11, 23, 12, 30, 0, TimeSpan.Zero);

    public static CancellationToken None => CancellationToken.None;

    public static AccountRow Account(string id, string? name = null, string? email = null, string role = Roles.User) => new()
    {
        UserId = id, Username = name ?? "name-" + id, Email = email ?? id + "@example.org", PasswordHash = "!", Salt = "s", CreatedAt = Now, Role = role,
    };

    public static Settlement Settlement(string taskId, params AttemptDue[] dues) => new(
        taskId, "payer", "python", TaskState.Completed, Causes.Completed, Now.AddMinutes(-2), Now.AddMinutes(-1), Now, "node", Math.Max(1, dues.Length),
        BlobRef.Empty.Sha256, 0, dues);

    public static AttemptDue Due(int attempt, long micros, string payer = "payer", string payee = "payee", bool completed = true) =>
        new(attempt, "node", payer, payee, micros, 1000, completed);

    public static SettlementWriter Writer(SqliteDatabase database, IUnfinishedIndex? index = null) =>
        new(database, index ?? new RemovedIds(), TimeProvider.System, NullLogger<SettlementWriter>.Instance);

    public static Task<long> Number(this SqliteDatabase database, string sql) => database.Query(c => c.ExecuteScalar<long>(sql));
}

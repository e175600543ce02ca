using HiveMind.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Runtime;
using StackExchange.Redis;

namespace HiveMind.Tests.StateStores;

/// <summary>A row of the reminders that cannot be read hides none of the others of its stretch.</summary>
public sealed class ReadableRemindersTests : IDisposable
{
    private static readonly DateTime Start = new(2026, 11, 29, 12, 0, 0, DateTimeKind.Utc);
    private readonly TempStateStore _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public async Task ReadRows_AnyStretchWithABadRow_TellsAllOthersOfIt()
    {
        var grains = Enumerable.Range(0, 40).Select(i => GrainId.Create("node", $"n{i}")).OrderBy(grain => grain.GetUniformHashCode()).ToList();
        var table = new Table([.. grains.Select(Entry)]) { Bad = [grains[0].GetUniformHashCode(), grains[20].GetUniformHashCode()] };
        var readable = new ReadableReminders(table);
        var bad = grains[20].GetUniformHashCode();
        foreach (var (begin, end) in new[] { (0u, 0u), (7u, 7u), (bad - 1, bad), (bad, bad), (bad, bad - 1), (bad - 5, bad + 1), (1u << 31, 5u), (0u, uint.MaxValue) })
        {
            var expected = grains.Where(grain => Table.IsOn(grain.GetUniformHashCode(), begin, end) && !table.Bad.Contains(grain.GetUniformHashCode()));
            Assert.Equal(expected.Order(), (await readable.ReadRows(begin, end)).Reminders.Select(row => row.GrainId).Order());
        }

        table.Reads = 0;
        await readable.ReadRows(0, 0);
        Assert.InRange(table.Reads, 2, 150);
    }

    [Fact]
    public async Task ReadRows_RedisIsAway_FailsAtOnce()
    {
        var table = new Table([]) { Failure = new InvalidOperationException("StackExchange.Redis.RedisConnectionException: it is away") };
        await Assert.ThrowsAsync<InvalidOperationException>(() => new ReadableReminders(table).ReadRows(0, 0));
        Assert.Equal(1, table.Reads);
    }

    [Fact]
    public async Task ReadRows_OnARealRedis_GoesAroundARowThatCannotBeRead()
    {
        using var redis = await RealRedis.Start("--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction");
        await using var stateStore = await StateStore.Start(new StateStoreOptions { ConnectionString = redis.ConnectionString });
        using var host = Host.CreateDefaultBuilder().UseOrleans(silo => silo.UseStateStore(stateStore)).Build();
        var table = host.Services.GetRequiredService<IReminderTable>();
        await table.StartAsync();
        var grains = Enumerable.Range(0, 20).Select(i => GrainId.Create("node", $"n{i}")).ToList();
        foreach (var grain in grains) await table.UpsertRow(Entry(grain));
        var db = stateStore.Redis.GetDatabase();
        var key = stateStore.Redis.GetServers()[0].Keys().Single(name => name.ToString().EndsWith("reminders", StringComparison.Ordinal));
        var row = (string)(await db.SortedSetRangeByRankAsync(key)).Single(value => value.ToString().Contains("/n7\"", StringComparison.Ordinal))!;
        await db.SortedSetRemoveAsync(key, row);
        await db.SortedSetAddAsync(key, row[..(row.Length / 2)], 0);

        var read = (await table.ReadRows(0, 0)).Reminders.Select(entry => entry.GrainId);

        Assert.Equal(grains.Where(grain => grain != grains[7]).Order(), read.Order());
    }

    [Fact]
    public async Task ReadRows_OnTheEmbeddedStateStore_GoesAroundARowThatCannotBeRead()
    {
        await using var stateStore = (EmbeddedStateStore)await _temp.Start();
        var grains = Enumerable.Range(0, 20).Select(i => GrainId.Create("node", $"n{i}")).ToList();
        foreach (var grain in grains) await stateStore.Reminders.UpsertRow(Entry(grain));
        await stateStore.OverwriteReminder(grains[7], "liveness", [1, 2, 3]);

        Assert.Equal(grains.Where(grain => grain != grains[7]).Order(), (await stateStore.Reminders.ReadRows(0, 0)).Reminders.Select(entry => entry.GrainId).Order());

        await stateStore.Reminders.UpsertRow(Entry(grains[7])); // whoever wants it registers it again
        Assert.Equal(20, (await stateStore.Reminders.ReadRows(0, 0)).Reminders.Count);
    }

    private static ReminderEntry Entry(GrainId grain) => new() { GrainId = grain, ReminderName = "liveness", StartAt = Start, Period = TimeSpan.FromMinutes(1), ETag = "" };

    private sealed class Table(List<ReminderEntry> rows) : IReminderTable
    {
        public HashSet<uint> Bad { get; init; } = [];
        public Exception? Failure { get; init; }
        public int Reads { get; set; }

        public static bool IsOn(uint hash, uint begin, uint end) => begin < end ? hash > begin && hash <= end : hash > begin || hash <= end;

        public Task<ReminderTableData> ReadRows(uint begin, uint end)
        {
            Reads++;
            if (Failure is not null) throw Failure;
            var found = rows.Where(row => IsOn(row.GrainId.GetUniformHashCode(), begin, end)).ToList();
            return found.Any(row => Bad.Contains(row.GrainId.GetUniformHashCode())) ? throw new FormatException("no JSON") : Task.FromResult(new ReminderTableData(found));
        }

        public Task<ReminderTableData> ReadRows(GrainId grainId) => throw new NotSupportedException();
        public Task<ReminderEntry?> ReadRow(GrainId grainId, string reminderName) => throw new NotSupportedException();
        public Task<string?> UpsertRow(ReminderEntry entry) => throw new NotSupportedException();
        public Task<bool> RemoveRow(GrainId grainId, string reminderName, string eTag) => throw new NotSupportedException();
        public Task TestOnlyClearTable() => throw new NotSupportedException();
    }
}

using CsCheck;
using HiveMind.Rewards;
using HiveMind.Storage;
using HiveMind.Tasks;

namespace HiveMind.Tests.Database;

public sealed class SettlementTests : IDisposable
{
    private static readonly string[] People = ["ada", "bob", "cyd"];

    private static readonly Gen<Settlement[]> GenSettlements =
        Gen.Select(Gen.Int[0, 2], Gen.Int[0, 2], Gen.Long[0, 1000], Gen.Bool).Array[0, 3].Array[1, 12].Select(tasks => tasks.Select((dues, t) =>
            Make.Settlement($"task-{t}", [.. dues.Select((d, i) => Make.Due(i + 1, d.Item3, People[d.Item1], People[d.Item2], d.Item4))])).ToArray());

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Settle_DuplicatedReorderedByTwoWriters_PaysEachAttemptOnceAndSumsToZero()
    {
        using var one = _folder.OpenDatabase();
        using var two = _folder.OpenDatabase();
        var round = 0;
        Gen.Select(GenSettlements, Gen.Int[0, int.MaxValue]).Sample((settlements, seed) =>
        {
            var prefix = $"r{Interlocked.Increment(ref round)}-";
            var named = settlements.Select(s => Rename(s, prefix)).ToArray();
            var random = new Random(seed);
            var copies = named.Concat(named).Concat(named).ToArray();
            random.Shuffle(copies);
            var half = copies.Length / 2;
            Task.WhenAll(Task.Run(() => InBatches(one, copies[..half])), Task.Run(() => InBatches(two, copies[half..]))).GetAwaiter().GetResult();
            return Holds(one, named, prefix).GetAwaiter().GetResult();
        }, iter: 30, threads: 1);
    }

    [Fact]
    public async Task Settle_PayerIsPayee_TwoPostingsAndNoChange()
    {
        using var database = _folder.OpenDatabase();
        Assert.Empty(await database.Settle([Make.Settlement("t", Make.Due(1, 10, "ada", "ada"))], Make.None));
        Assert.Equal(0, await database.Balance("ada", Make.None));
        Assert.Equal(2, await database.Number("SELECT count(*) FROM postings"));
    }

    [Fact]
    public async Task Totals_OfNodesAndPool_AreWhatWasSettled()
    {
        using var database = _folder.OpenDatabase();
        Settlement At(string id, double hoursAgo, TaskState state, bool completed) =>
            Make.Settlement(id, Make.Due(1, 5, completed: completed)) with { EndedAt = Make.Now.AddHours(-hoursAgo), State = state };
        await database.Settle(
        [
            At("a", 0, TaskState.Completed, true), At("b", 23.9, TaskState.Completed, true), At("c", 24.1, TaskState.Completed, true),
            At("d", 50, TaskState.Completed, true), At("e", 1, TaskState.Failed, false),
        ], Make.None);

        Assert.Equal(new PoolTotals(2, 1.0), await database.PoolTotals(Make.Now.AddHours(-24), Make.None));
        Assert.Equal(new NodeTotals(4, 1, 1.0, 25), await database.NodeTotals("node", Make.None));
        Assert.Equal(new NodeTotals(0, 0, 0, 0), await database.NodeTotals("none", Make.None));
        Assert.Equal(new PoolTotals(0, 0), await database.PoolTotals(Make.Now.AddHours(1), Make.None));
    }

    [Fact]
    public async Task Writer_OneThatCannotBeWritten_IsParkedAndTheOthersArePaid()
    {
        using var database = _folder.OpenDatabase();
        var index = new RemovedIds(failures: 1);
        using var writer = Make.Writer(database, index);
        string[] bad = ["bad-amount", "bad-second-due", "bad-null"];
        writer.Post(Make.Settlement("good-1", Make.Due(1, 10)));
        writer.Post(Make.Settlement(bad[0], Make.Due(1, -10)));
        writer.Post(Make.Settlement(bad[1], Make.Due(1, 10), Make.Due(2, long.MaxValue)));
        writer.Post(Make.Settlement(bad[2], Make.Due(1, 10)) with { ResultSha256 = null! });
        writer.Post(Make.Settlement("good-2", Make.Due(1, 10)));
        writer.Post(Make.Settlement("good-2", Make.Due(1, 10)));

        await writer.StartAsync(Make.None);
        await writer.WhenIdle().WaitAsync(TimeSpan.FromSeconds(20));
        await writer.StopAsync(Make.None);

        Assert.Equal(20, await database.Balance("payee", Make.None));
        Assert.Equal(0, await database.SumOfPostings(Make.None));
        Assert.Equal(2, await database.Number("SELECT count(*) FROM task_history"));
        Assert.Equal(3, await database.Number("SELECT count(*) FROM parked_settlements WHERE task_id LIKE 'bad-%' AND error <> '' AND payload LIKE '%bad-%'"));
        Assert.Equal(["bad-amount", "bad-null", "bad-second-due", "good-1", "good-2"], index.Ids.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Writer_DatabaseLockedForAWhile_SettlesWhenTheyAreBack()
    {
        using var database = SqliteDatabase.Open(_folder.DatabasePath, TimeProvider.System, TimeSpan.FromMilliseconds(100));
        using var writer = Make.Writer(database);
        using var other = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={_folder.DatabasePath};Pooling=false");
        other.Open();
        using (other.BeginTransaction(deferred: false))
        {
            await writer.StartAsync(Make.None);
            writer.Post(Make.Settlement("t", Make.Due(1, 10)));
            await Assert.ThrowsAsync<HiveMindException>(() => database.Change("UPDATE users SET last_login = NULL")); // behind it in the queue: it failed, too
            Assert.False(writer.WhenIdle().IsCompleted);
        }

        await writer.WhenIdle().WaitAsync(TimeSpan.FromSeconds(20));
        await writer.StopAsync(Make.None);
        Assert.Equal(10, await database.Balance("payee", Make.None));
    }

    [Fact]
    public async Task Writer_Stopped_WritesWhatWasPostedBefore()
    {
        using var database = _folder.OpenDatabase();
        var index = new RemovedIds();
        using var writer = Make.Writer(database, index);
        await writer.StartAsync(Make.None);
        for (var i = 0; i < 1200; i++) writer.Post(Make.Settlement($"t{i}", Make.Due(1, 1)));
        await writer.StopAsync(Make.None);
        writer.Post(Make.Settlement("late", Make.Due(1, 1)));

        Assert.Equal(1200, await database.Number("SELECT count(*) FROM task_history"));
        Assert.Equal(1200, await database.Balance("payee", Make.None));
        Assert.Equal(1200, index.Ids.Count);
        Assert.True(writer.WhenIdle().IsCompleted);
    }

    private static Settlement Rename(Settlement s, string prefix) => s with
    {
        TaskId = prefix + s.TaskId, Dues = [.. s.Dues.Select(d => d with { PayerId = prefix + d.PayerId, PayeeId = prefix + d.PayeeId, NodeId = prefix })],
    };

    private static async Task InBatches(SqliteDatabase database, Settlement[] settlements)
    {
        foreach (var batch in settlements.Chunk(5)) Assert.Empty(await database.Settle(batch, Make.None));
    }

    private static async Task<bool> Holds(SqliteDatabase database, Settlement[] settlements, string prefix)
    {
        var dues = settlements.SelectMany(s => s.Dues).ToArray();
        foreach (var person in People.Select(p => prefix + p))
        {
            var expected = dues.Sum(d => (d.PayeeId == person ? d.Micros : 0) - (d.PayerId == person ? d.Micros : 0));
            if (await database.Balance(person, Make.None) != expected) return false;
        }

        var totals = await database.NodeTotals(prefix, Make.None);
        return totals.Completed + totals.Failed == dues.Length && totals.EarnedMicros == dues.Sum(d => d.Micros)
            && await database.Number($"SELECT count(*) FROM postings WHERE task_id LIKE '{prefix}%'") == 2 * dues.Count(d => d.Micros != 0)
            && await database.Number($"SELECT count(*) FROM task_history WHERE task_id LIKE '{prefix}%'") == settlements.Length
            && await database.SumOfPostings(Make.None) == 0
            && await database.Number("SELECT (SELECT sum(completed + failed) FROM hourly_stats) - (SELECT count(*) FROM task_history)") == 0
            && await database.Number("SELECT count(*) FROM (SELECT task_id FROM postings GROUP BY task_id, attempt, kind HAVING sum(micros) <> 0) AS x") == 0;
    }
}

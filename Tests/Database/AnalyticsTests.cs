using CsCheck;
using HiveMind.Rewards;
using HiveMind.Storage;
using HiveMind.Tasks;

namespace HiveMind.Tests.Database;

public sealed class AnalyticsTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static Settlement Ended(int i, TaskState state, int runMs, int waitMs, string type, string? node) => Make.Settlement(
        $"task-{i}", state == TaskState.Cancelled ? [] : [new AttemptDue(1, node ?? "none", "payer", "payee", 7, runMs, state == TaskState.Completed)]) with
    {
        TaskType = type, NodeId = node, State = state, EndedAt = Make.Now, CreatedAt = Make.Now.AddMilliseconds(-runMs - waitMs),
        StartedAt = state == TaskState.Cancelled ? null : Make.Now.AddMilliseconds(-runMs),
    };

    [Fact]
    public void Analyse_AnyHistory_IsWhatAPlainSumSays() =>
        Gen.Select(Gen.Int[4, 6], Gen.Int[0, 5000], Gen.Int[0, 900], Gen.Int[0, 2], Gen.Int[0, 3]).Array[0, 40].Sample(tasks =>
        {
            using var folder = new TestFolder();
            using var database = folder.OpenDatabase();
            Settlement[] ended = [.. tasks.Select((t, i) => Ended(i, (TaskState)t.Item1, t.Item2, t.Item3, $"type-{t.Item4}", t.Item5 == 0 ? null : $"node-{t.Item5}"))];
            database.Settle(ended, Make.None).GetAwaiter().GetResult();

            var found = database.Analyse(Make.Now.AddHours(-1), Make.None).GetAwaiter().GetResult();

            Assert.Equal(Plain(ended, s => s.TaskType), found.ByType);
            Assert.Equal(Plain(ended, s => s.NodeId), found.ByNode);
            Assert.False(found.IsCut);
            return true;
        }, iter: 40, threads: 1);

    [Fact]
    public async Task Analyse_OutsideTheWindow_IsLeftOut()
    {
        using var database = _folder.OpenDatabase();
        await database.Settle(
        [
            Ended(1, TaskState.Completed, 5, 5, "python", "n"), Ended(2, TaskState.Completed, 5, 5, "python", "n") with { EndedAt = Make.Now.AddHours(-2) },
        ], Make.None);
        Assert.Equal(1, Assert.Single((await database.Analyse(Make.Now.AddHours(-1), Make.None)).ByType).Completed);
        Assert.Equal(2, Assert.Single((await database.Analyse(Make.Now.AddHours(-3), Make.None)).ByType).Completed);
    }

    [Fact]
    public async Task Analyse_MoreThanAreAddedUpAtOnce_SaysSinceWhen()
    {
        using var database = _folder.OpenDatabase();
        await database.Settle([.. Enumerable.Range(0, 30).Select(i => Ended(i, TaskState.Completed, 5, 5, "python", "n") with { EndedAt = Make.Now.AddSeconds(i) })], Make.None);
        var found = await database.Analyse(Make.Now.AddHours(-1), 10, Make.None);
        Assert.True(found.IsCut);
        Assert.Equal(10, Assert.Single(found.ByNode).Completed);
        Assert.Equal(Make.Now.AddSeconds(19).AddMilliseconds(1), found.Since);
    }

    private static IEnumerable<TaskFigures> Plain(Settlement[] ended, Func<Settlement, string?> by) =>
        ended.Where(s => by(s) is not null).GroupBy(s => by(s)!).OrderBy(group => group.Key, StringComparer.Ordinal).Select(group =>
        {
            var ran = group.Where(s => s.StartedAt is not null).ToList();
            var completed = group.Count(s => s.State == TaskState.Completed);
            return new TaskFigures(
                group.Key, completed, group.Count() - completed, Spread(ran.Select(s => (long)(s.EndedAt - s.StartedAt!.Value).TotalMilliseconds)),
                Spread(ran.Select(s => (long)(s.StartedAt!.Value - s.CreatedAt).TotalMilliseconds)), group.Sum(s => s.Dues.Sum(due => due.Micros)));
        });

    private static TimeSpread Spread(IEnumerable<long> times)
    {
        var inOrder = times.Order().ToList();
        long At(double share) => inOrder.Count == 0 ? 0 : inOrder[(int)Math.Ceiling(inOrder.Count * share) - 1];
        return new TimeSpread(inOrder.Count == 0 ? 0 : inOrder.Average(), At(0.50), At(0.95));
    }
}

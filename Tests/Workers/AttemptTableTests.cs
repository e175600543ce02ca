using HiveMind.Protos;
using HiveMind.Workers.Attempts;

namespace HiveMind.Tests.Workers;

public sealed class AttemptTableTests
{
    private static readonly AttemptKey Key = new("task", 1);
    private readonly AttemptTable _table = new();

    [Fact]
    public void TryHold_HeldAlready_IsIgnored()
    {
        Assert.NotNull(_table.TryHold(Key));
        Assert.Null(_table.TryHold(Key));
        Assert.Single(_table.RunningSet());
    }

    [Fact]
    public void RunningSet_EndedButNotAnswered_StillListsIt()
    {
        var attempt = _table.TryHold(Key)!;
        Assert.True(_table.Begin(attempt));
        _table.End(attempt, new TaskReport(), now: 5);
        var listed = Assert.Single(_table.RunningSet());
        Assert.True(listed.Started);
        Assert.Null(_table.TryHold(Key));
    }

    [Fact]
    public void TryHold_Answered_IsNotRunAgain()
    {
        _table.Remove(_table.TryHold(Key)!, answered: true);
        Assert.Null(_table.TryHold(Key));
        Assert.NotNull(_table.TryHold(Key with { Attempt = 2 }));
    }

    [Fact]
    public void TryHold_DroppedBeforeItsProgramBegan_MayBeAssignedAgain()
    {
        _table.Remove(_table.TryHold(Key)!, answered: false);
        Assert.NotNull(_table.TryHold(Key));
    }

    [Fact]
    public void TryHold_DroppedWhenItsProgramMayHaveBegun_IsNotRunAgain()
    {
        var attempt = _table.TryHold(Key)!;
        _table.MayBegin(attempt);
        _table.Remove(attempt, answered: false);
        Assert.Null(_table.TryHold(Key));
        Assert.NotNull(_table.TryHold(Key with { Attempt = 2 }));
    }

    [Fact]
    public void Due_Unanswered_IsDueAgainLaterAndAtOnceOnANewConnection()
    {
        _table.End(_table.TryHold(Key)!, new TaskReport(), now: 10);
        Assert.Empty(_table.Due(now: 9, again: 0));
        Assert.Single(_table.Due(now: 10, again: 50));
        Assert.Empty(_table.Due(now: 49, again: 99));
        _table.AllDue(now: 20);
        Assert.Single(_table.Due(now: 20, again: 60));
    }

    [Fact]
    public void Later_EachRefusal_IsCounted()
    {
        var attempt = _table.TryHold(Key)!;
        _table.End(attempt, new TaskReport(), now: 0);
        List<int> refusals = [];
        for (var time = 0; time < 3; time++)
            _table.Later(attempt, n =>
            {
                refusals.Add(n);
                return 100 * n;
            });
        Assert.Equal([1, 2, 3], refusals);
        Assert.Empty(_table.Due(now: 299, again: 0));
        Assert.Single(_table.Due(now: 300, again: 400));
    }

    [Fact]
    public void TryHold_ManyAnswered_ForgetsTheOldestOnly()
    {
        for (var attempt = 1; attempt <= 1100; attempt++)
            _table.Remove(_table.TryHold(new AttemptKey("task", attempt))!, answered: true);
        Assert.Null(_table.TryHold(new AttemptKey("task", 1100)));
        Assert.NotNull(_table.TryHold(new AttemptKey("task", 1)));
    }

    [Fact]
    public void WasAnswered_AnsweredOrKilled_OnlyTheFirst()
    {
        var table = new AttemptTable();
        table.Remove(table.TryHold(new("a", 1))!, answered: true);
        table.Remove(table.TryHold(new("b", 1))!, answered: false);

        Assert.True(table.WasAnswered(new("a", 1)));
        Assert.False(table.WasAnswered(new("b", 1)));
    }
}

using HiveMind.Storage;
using HiveMind.Tasks;

namespace HiveMind.Tests.Database;

public sealed class ActivityTests : IDisposable
{
    private static readonly TimeSpan Slot = TimeSpan.FromSeconds(10);
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Ended_NoHistory_IsNothing()
    {
        using var database = _folder.OpenDatabase();

        Assert.Empty(await database.Ended(Make.Now.AddHours(-1), Slot, Make.None));
        Assert.Null(await database.LastEnded(Make.None));
    }

    [Fact]
    public async Task Ended_TasksOfTwoSlots_AreSummedByHowTheyEnded()
    {
        using var database = _folder.OpenDatabase();
        await database.Settle(
        [
            Make.Settlement("a") with { EndedAt = Make.Now, CreatedAt = Make.Now.AddSeconds(-9), StartedAt = Make.Now.AddSeconds(-3) },
            Make.Settlement("b") with { EndedAt = Make.Now.AddSeconds(1), CreatedAt = Make.Now.AddSeconds(-2), StartedAt = Make.Now, State = TaskState.Failed },
            Make.Settlement("c") with { EndedAt = Make.Now.AddSeconds(2), StartedAt = null, State = TaskState.Cancelled },
            Make.Settlement("d") with { EndedAt = Make.Now.AddSeconds(12), StartedAt = null, State = TaskState.TimedOut },
            Make.Settlement("old") with { EndedAt = Make.Now.AddHours(-2) },
        ], Make.None);

        var slots = await database.Ended(Make.Now.AddMinutes(-1), Slot, Make.None);
        var last = await database.LastEnded(Make.None);

        var first = Make.Now.ToUnixTimeMilliseconds() / 10_000;
        Assert.Equal([new(first, 1, 1, 1, 0, 2, 8000, 6000), new(first + 1, 0, 0, 0, 1, 0, 0, 0)], slots.OrderBy(slot => slot.Slot));
        Assert.Equal(new LastEnded(TaskState.TimedOut, Make.Now.AddSeconds(12)), last);
    }
}

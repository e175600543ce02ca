using HiveMind.Benchmarks;
using HiveMind.Storage;

namespace HiveMind.Tests.Floors;

/// <summary>The floor's files follow what is open, not what ever was.</summary>
public sealed class FloorChurnTests : IDisposable
{
    private readonly TempFloor temp = new();

    public void Dispose() => temp.Dispose();

    [Fact]
    public async Task Files_ManyTimesWhatIsOpen_LevelOffAndShrinkAgain()
    {
        await using var floor = await temp.Start();
        var store = new GrainLikeStore(floor);
        await Churn(floor, store, rounds: 4, open: 2000);
        var after4 = FloorKills.Size(temp.Path);
        await Churn(floor, store, rounds: 8, open: 2000);
        Assert.True(FloorKills.Size(temp.Path) < after4 * 2, $"{after4} bytes became {FloorKills.Size(temp.Path)}");

        // A crowd that comes once and goes.
        var crowded = await Churn(floor, store, rounds: 1, open: 60_000);
        await Churn(floor, store, rounds: 30, open: 2000);
        var left = await Pages(floor);
        Assert.True(left < crowded / 2, $"{crowded} pages became only {left}");
    }

    private static Task<long> Pages(Floor floor) => ((EmbeddedFloor)floor).Write(change =>
        long.Parse(change.Connection.Ask("PRAGMA page_count"), System.Globalization.CultureInfo.InvariantCulture));

    /// <summary>How many pages there were with all of a round open.</summary>
    private static async Task<long> Churn(Floor floor, GrainLikeStore store, int rounds, int open)
    {
        var fullest = 0L;
        for (var round = 0; round < rounds; round++)
        {
            var ids = Enumerable.Range(0, open).Select(_ => HiveMind.Tasks.TaskIds.New("churn", null)).ToList();
            await floor.Unfinished.Add([.. ids.Select(FloorWriter.Pending)]);
            var states = await Task.WhenAll(ids.Select(id => store.Write(id, 1, null)));
            fullest = Math.Max(fullest, await Pages(floor));
            await floor.Unfinished.Remove(ids);
            await Task.WhenAll(ids.Zip(states, store.Delete));
        }

        return fullest;
    }
}

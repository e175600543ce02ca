using HiveMind.Benchmarks;
using HiveMind.Storage;

namespace HiveMind.Tests.StateStores;

/// <summary>The state store's files follow what is open, not what ever was.</summary>
public sealed class StateStoreChurnTests : IDisposable
{
    private readonly TempStateStore temp = new();

    public void Dispose() => temp.Dispose();

    [Fact]
    public async Task Files_ManyTimesWhatIsOpen_LevelOffAndShrinkAgain()
    {
        await using var stateStore = await temp.Start();
        var store = new GrainLikeStore(stateStore);
        await Churn(stateStore, store, rounds: 4, open: 2000);
        var after4 = StateStoreKills.Size(temp.Path);
        await Churn(stateStore, store, rounds: 8, open: 2000);
        Assert.True(StateStoreKills.Size(temp.Path) < after4 * 2, $"{after4} bytes became {StateStoreKills.Size(temp.Path)}");

        // A crowd that comes once and goes.
        var crowded = await Churn(stateStore, store, rounds: 1, open: 60_000);
        await Churn(stateStore, store, rounds: 30, open: 2000);
        var left = await Pages(stateStore);
        Assert.True(left < crowded / 2, $"{crowded} pages became only {left}");
    }

    private static Task<long> Pages(StateStore stateStore) => ((EmbeddedStateStore)stateStore).Write(change =>
        long.Parse(change.Connection.Ask("PRAGMA page_count"), System.Globalization.CultureInfo.InvariantCulture));

    /// <summary>How many pages there were with all of a round open.</summary>
    private static async Task<long> Churn(StateStore stateStore, GrainLikeStore store, int rounds, int open)
    {
        var fullest = 0L;
        for (var round = 0; round < rounds; round++)
        {
            var ids = Enumerable.Range(0, open).Select(_ => HiveMind.Tasks.TaskIds.New("churn", null)).ToList();
            await stateStore.Unfinished.Add([.. ids.Select(StateStoreWriter.Pending)]);
            var states = await Task.WhenAll(ids.Select(id => store.Write(id, 1, null)));
            fullest = Math.Max(fullest, await Pages(stateStore));
            await stateStore.Unfinished.Remove(ids);
            await Task.WhenAll(ids.Zip(states, store.Delete));
        }

        return fullest;
    }
}

using HiveMind.Storage;
using Orleans.Storage;

namespace HiveMind.Tests.StateStores;

/// <summary>A commit that fails: what was not made durable is neither answered nor shown, and a state store in doubt is not believed any more.</summary>
public sealed class StateStoreFaultTests : IDisposable
{
    private const int Large = 1 << 20;
    private const int FailedSync = 10 | (4 << 8); // SQLITE_IOERR_FSYNC
    private readonly TempStateStore temp = new();

    public void Dispose() => temp.Dispose();

    [Fact]
    public async Task Write_NoRoom_UnavailableAndNotShownAndHealsByItself()
    {
        await using (var stateStore = await Start(line => Assert.Fail(line)))
        {
            var samples = new StateStoreSamples(stateStore);
            await samples.Submit(1);
            await NoMoreRoom(stateStore);

            for (var tries = 0; tries < 3; tries++)
            {
                var failure = await Assert.ThrowsAsync<HiveMindException>(() => samples.Submit(2, Large));
                Assert.Equal((FailureKind.Unavailable, StateStoreFailures.Reason), (failure.Kind, failure.Reason));
                // The repeat of a submit reads first, and must not find what was not kept.
                Assert.False((await samples.Read(2)).RecordExists);
            }

            Assert.Equal(1, await samples.Version(1));
            await Room(stateStore);
            await samples.Submit(2, Large);
        }

        await using var again = await temp.Start();
        Assert.Equal(1, await new StateStoreSamples(again).Version(1));
        Assert.Equal(1, await new StateStoreSamples(again).Version(2));
    }

    [Fact]
    public async Task Entry_ItsTransactionFailed_ComesBeforeTheBirthThatSucceedsLater()
    {
        await using var stateStore = await Start(line => Assert.Fail(line));
        var samples = new StateStoreSamples(stateStore);
        await NoMoreRoom(stateStore);
        using var open = new ManualResetEventSlim();
        var held = stateStore.Write(_ => open.Wait(TimeSpan.FromSeconds(20)));
        await stateStore.Unfinished.Add([StateStoreSamples.Pending(7)]); // accepted: nobody waits for it
        var birth = samples.Write(8, new GrainState<StateStoreSample>(), 1, Large);
        open.Set();
        await held;
        await Assert.ThrowsAsync<HiveMindException>(() => birth);

        await Room(stateStore);
        await samples.Write(7, new GrainState<StateStoreSample>(), 1); // the birth of the entry that was accepted

        Assert.Equal([StateStoreSamples.Id(7)], await samples.Entries());
    }

    [Fact]
    public async Task Entry_WhileCommitsFail_IsWaitedForAndRefused()
    {
        await using var stateStore = await Start(line => Assert.Fail(line));
        await NoMoreRoom(stateStore);
        await Assert.ThrowsAsync<HiveMindException>(() => new StateStoreSamples(stateStore).Submit(1, Large));

        var many = Enumerable.Range(100, 20_000).Select(StateStoreSamples.Pending).ToList();
        var failure = await Assert.ThrowsAsync<HiveMindException>(() => stateStore.Unfinished.Add(many));

        Assert.Equal(FailureKind.Unavailable, failure.Kind);
    }

    [Fact]
    public async Task Write_OutcomeInDoubt_EndsTheProcessAndNothingIsAnsweredBefore()
    {
        var said = new List<string>();
        await using (var stateStore = await Start(said.Add))
        {
            var samples = new StateStoreSamples(stateStore);
            await samples.Submit(1);

            await Assert.ThrowsAsync<HiveMindException>(() => stateStore.Write<int>(_ => throw new StateStoreError(FailedSync, "fsync")));

            Assert.Contains("SQLite error 1034", Assert.Single(said), StringComparison.Ordinal);
            await Assert.ThrowsAsync<HiveMindException>(() => samples.Read(1));
            await Assert.ThrowsAsync<HiveMindException>(() => samples.Submit(2));
            Assert.NotNull(await stateStore.Health.Check(TimeSpan.FromSeconds(5)));
        }

        await using var again = await temp.Start();
        Assert.Equal(1, await new StateStoreSamples(again).Version(1));
        Assert.Equal(0, await new StateStoreSamples(again).Version(2));
    }

    [Theory]
    [InlineData(14)] // CANTOPEN: no descriptors left, as strangers who connect can bring about
    [InlineData(8)] // READONLY
    [InlineData(7)] // NOMEM
    public async Task Write_SurelyNotDone_IsRefusedAndTheHubGoesOn(int code)
    {
        await using var stateStore = await Start(line => Assert.Fail(line));
        var samples = new StateStoreSamples(stateStore);

        await Assert.ThrowsAsync<HiveMindException>(() => stateStore.Write<int>(_ => throw new StateStoreError(code, "tried")));
        Assert.Throws<HiveMindException>(() => stateStore.Readers.Read<int>(_ => throw new StateStoreError(code, "tried")));

        await samples.Submit(1);
        Assert.Equal(1, await samples.Version(1));
    }

    [Fact]
    public async Task Write_FileDeletedMeanwhile_IsNotAnsweredAndEndsTheProcess()
    {
        var said = new List<string>();
        await using var stateStore = await Start(said.Add);
        var samples = new StateStoreSamples(stateStore);
        await samples.Submit(1);
        Assert.Null(stateStore.Problem());
        File.Delete(Path.Combine(temp.Path, StateStoreFile.Name));

        Assert.Contains("was deleted", stateStore.Problem(), StringComparison.Ordinal);
        await Assert.ThrowsAsync<HiveMindException>(() => samples.Submit(2));
        Assert.Contains("was deleted", Assert.Single(said), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Write_LostRaceAmongOthers_OnlyThatOneFails()
    {
        await using var stateStore = await Start(line => Assert.Fail(line));
        var samples = new StateStoreSamples(stateStore);
        await samples.Submit(1);
        using var open = new ManualResetEventSlim();
        var held = stateStore.Write(_ => open.Wait(TimeSpan.FromSeconds(20)));
        var lost = samples.Write(1, new GrainState<StateStoreSample>(), 2);
        var others = Enumerable.Range(2, 50).Select(number => samples.Write(number, new GrainState<StateStoreSample>(), 1)).ToList();
        open.Set();
        await held;

        await Assert.ThrowsAsync<InconsistentStateException>(() => lost);
        await Task.WhenAll(others);
        Assert.Equal(1, await samples.Version(1));
        Assert.Equal(1, await samples.Version(51));
    }

    [Fact]
    public async Task Job_ThatGivesUpHalfWay_LeavesNothing()
    {
        await using (var stateStore = await Start(line => Assert.Fail(line)))
        {
            await Assert.ThrowsAsync<HiveMindException>(() => stateStore.Write<int>(change =>
            {
                change.Put(StateStoreLayout.Node("half"), Guid.Empty, []);
                throw new InvalidOperationException("half-way");
            }));
            Assert.Empty(await stateStore.Nodes.All());
            await new StateStoreSamples(stateStore).Submit(1);
        }

        await using var again = await temp.Start(); // and the stamp is right
        Assert.Equal(1, await new StateStoreSamples(again).Version(1));
    }

    private async Task<EmbeddedStateStore> Start(Action<string> onFault)
    {
        var options = temp.Options;
        options.FailStop = new Told(onFault);
        return (EmbeddedStateStore)await StateStore.Start(options);
    }

    private sealed class Told(Action<string> tell) : FailStop
    {
        public override void End(string sentence) => tell(sentence);
    }

    /// <summary>The file may not grow: SQLite then answers as on a full disk.</summary>
    private static Task NoMoreRoom(EmbeddedStateStore stateStore) => stateStore.Write(change =>
        change.Connection.Ask($"PRAGMA max_page_count = {change.Connection.Ask("PRAGMA page_count")}"));

    private static Task Room(EmbeddedStateStore stateStore) => stateStore.Write(change => change.Connection.Ask("PRAGMA max_page_count = 1073741823"));
}

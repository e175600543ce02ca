using HiveMind.Storage;
using Microsoft.Extensions.Time.Testing;

namespace HiveMind.Tests.StateStores;

public sealed class DataDirectoryLockTests : IDisposable
{
    private readonly TempStateStore temp = new();

    public void Dispose() => temp.Dispose();

    [Fact]
    public void Take_HeldByAnother_IsAwayUntilFreed()
    {
        var directory = Path.Combine(temp.Path, "new");
        var first = DataDirectoryLock.Take(directory);
        var away = Assert.Throws<StoreAwayException>(() => DataDirectoryLock.Take(directory));
        first.Dispose();
        using var second = DataDirectoryLock.Take(directory);

        Assert.Contains("in use", away.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Take_HeldByOneThatEnds_WaitsForItAndSaysSoOnce()
    {
        var (clock, said) = (new FakeTimeProvider(), new List<string>());
        var first = DataDirectoryLock.Take(temp.Path);
        var taking = DataDirectoryLock.Take(temp.Path, said.Add, clock);
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.False(taking.IsCompleted);

        first.Dispose();
        await Passing(clock, taking);

        (await taking).Dispose();
        Assert.Contains("Waiting for its end", Assert.Single(said), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Take_HeldByOneThatStays_IsGivenUpAfterAWhile()
    {
        var clock = new FakeTimeProvider();
        var began = clock.GetTimestamp();
        using var first = DataDirectoryLock.Take(temp.Path);
        var taking = DataDirectoryLock.Take(temp.Path, _ => { }, clock);

        await Passing(clock, taking);

        await Assert.ThrowsAsync<StoreAwayException>(() => taking);
        Assert.True(clock.GetElapsedTime(began) >= DataDirectoryLock.Patience, $"given up after {clock.GetElapsedTime(began)}");
    }

    [Fact]
    public void Take_PathIsAFile_RefusedInOneLine()
    {
        var file = Path.Combine(temp.Path, "file");
        File.WriteAllText(file, "");

        Assert.Single(Assert.Throws<StartRefusedException>(() => DataDirectoryLock.Take(file)).Problems);
    }

    /// <summary>Its own timer fires with each step; what follows runs on other threads.</summary>
    private static async Task Passing(FakeTimeProvider clock, Task end)
    {
        while (!end.IsCompleted)
        {
            clock.Advance(TimeSpan.FromMilliseconds(100));
            await Task.Yield();
        }
    }
}

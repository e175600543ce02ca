using HiveMind.Users;
using Microsoft.Extensions.Options;

namespace HiveMind.Tests.Users;

public sealed class FairQueueTests
{
    [Fact]
    public void TryTake_OneKeyWithMany_OthersComeAfterOneOfIts()
    {
        var queue = new FairQueue<string>(perKey: 100, most: 1000);
        for (var i = 0; i < 50; i++) Assert.True(queue.TryAdd("flood", false, $"flood{i}"));
        queue.TryAdd("a", false, "a");
        queue.TryAdd("b", false, "b");

        Assert.Equal(["flood0", "a", "b", "flood1", "flood2"], Take(queue, 5));
    }

    [Fact]
    public void TryAdd_AboveWhatAKeyMayHave_IsRefusedAndTheOthersAreNot()
    {
        var queue = new FairQueue<int>(perKey: 2, most: 5);

        Assert.Equal<bool>([true, true, false], Enumerable.Range(0, 3).Select(i => queue.TryAdd("a", false, i)));
        Assert.Equal<bool>([true, true, true, false], new[] { "b", "c", "d", "e" }.Select(key => queue.TryAdd(key, false, 0)));
        Assert.Equal(5, queue.Count);
    }

    [Fact]
    public void TryTake_BothLanes_TheFirstHasThreeTurnsOfFour()
    {
        var queue = new FairQueue<string>(perKey: 100, most: 1000);
        for (var i = 0; i < 20; i++)
        {
            queue.TryAdd("known", true, "known");
            queue.TryAdd("other", false, "other");
        }

        Assert.Equal(["known", "known", "known", "other", "known", "known", "known", "other"], Take(queue, 8));
    }

    [Fact]
    public async Task Slots_WhileOneAddressFloods_AnotherWaitsForOneOfItsOnly()
    {
        var slots = new HashingSlots(Options.Create(new HubOptions { Auth = { HashingSlots = 1 } }), TimeProvider.System);
        using var release = new SemaphoreSlim(0);
        var order = new List<string>();
        Task<int> Hash(string name, string network) => slots.Run(() =>
        {
            release.Wait();
            lock (order) order.Add(name);
            return 0;
        }, network, false, CancellationToken.None);

        var flood = Enumerable.Range(0, 100).Select(i => Hash($"flood{i}", "203.0.113.9")).ToList();
        var mine = Hash("mine", "198.51.100.4");
        var refused = flood.Count(call => call.IsFaulted);
        release.Release(200);
        await mine;
        await Task.WhenAll(flood.Where(call => !call.IsFaulted));

        Assert.Equal(100 - 1 - HashingSlots.WaitingPerAddress, refused);
        Assert.True(order.IndexOf("mine") <= 2, string.Join(' ', order));
        var refusal = await Assert.ThrowsAsync<HiveMindException>(() => flood.First(call => call.IsFaulted));
        Assert.Equal(("HASHING_QUEUE_FULL", FailureKind.ResourceExhausted), (refusal.Reason, refusal.Kind));
        Assert.NotNull(refusal.RetryAfter);
    }

    [Fact]
    public async Task Slots_WhoGaveUp_LeavesTheQueue()
    {
        var slots = new HashingSlots(Options.Create(new HubOptions { Auth = { HashingSlots = 1 } }), TimeProvider.System);
        using var release = new SemaphoreSlim(0);
        using var gone = new CancellationTokenSource();
        var first = slots.Run(() => { release.Wait(); return 1; }, "a", false, CancellationToken.None);
        var leaver = slots.Run(() => 2, "a", false, gone.Token);
        var last = slots.Run(() => 3, "a", false, CancellationToken.None);

        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaver);
        release.Release();

        var answers = await Task.WhenAll(first, last);
        Assert.Equal([1, 3], answers);
    }

    private static List<T> Take<T>(FairQueue<T> queue, int count)
    {
        var taken = new List<T>();
        while (taken.Count < count && queue.TryTake(out var item)) taken.Add(item);
        return taken;
    }
}

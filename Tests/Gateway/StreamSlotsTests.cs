using HiveMind.Edge;

namespace HiveMind.Tests.Gateway;

/// <summary>Places of streams: a limit for each account, and when all are taken those who have most give way to those who have fewer.</summary>
public sealed class StreamSlotsTests
{
    private sealed class Four() : StreamSlots(3, 4, "TOO_MANY", "streams");

    [Fact]
    public void Take_BeyondOnesOwn_IsRefusedUntilOneIsGivenBack()
    {
        var slots = new Four();
        var mine = Enumerable.Range(0, 3).Select(_ => slots.Take("a")).ToList();
        Assert.Equal("TOO_MANY", Assert.Throws<HiveMindException>(() => slots.Take("a")).Reason);
        mine[0].Dispose();
        mine[0].Dispose(); // twice is once
        slots.Take("a");
        Assert.Equal(3, slots.Taken);
    }

    [Fact]
    public void Take_AllTaken_OneOfWhoHasMostIsTakenBackTheLongestUnused()
    {
        var slots = new Four();
        var (first, second, third) = (slots.Take("a"), slots.Take("a"), slots.Take("a"));
        slots.Take("b");
        first.Used();

        slots.Take("c");

        Assert.Equal([false, true, false], new[] { first, second, third }.Select(slot => slot.TakenBack.IsCancellationRequested));
        Assert.Equal("SLOT_TAKEN_BACK", ((HiveMindException)second.Ended()).Reason);
        second.Dispose();
        Assert.Equal(4, slots.Taken);
    }

    [Fact]
    public void Take_AllTakenAndNobodyHasTwoMore_IsRefused()
    {
        var slots = new Four();
        foreach (var user in new[] { "a", "b", "c", "d" }) slots.Take(user);
        Assert.Throws<HiveMindException>(() => slots.Take("e"));
        Assert.Throws<HiveMindException>(() => slots.Take("a"));
        Assert.Equal(4, slots.Taken);
    }

    [Fact]
    public async Task Guard_TakenBack_EndsTheWorkAndSaysWhy()
    {
        var slots = new Four();
        var slot = slots.Take("a");
        slots.Take("a");
        slots.Take("a");
        slots.Take("b");
        var work = slot.Guard(cancel => Task.Delay(Timeout.Infinite, cancel), CancellationToken.None);
        slots.Take("c");
        Assert.Equal("SLOT_TAKEN_BACK", (await Assert.ThrowsAsync<HiveMindException>(() => work)).Reason);
    }
}

using CsCheck;
using HiveMind.Simulation;

namespace HiveMind.Tests.Simulation;

public sealed class EventQueueTests
{
    [Fact]
    public void Take_AnyOrderOfAdding_ComesByTimeAndThenAsAdded() => Gen.Int[0, 50].Array[1, 500].Sample(times =>
    {
        var queue = new EventQueue();
        for (var i = 0; i < times.Length; i++) queue.Add(times[i], EventKind.Submit, i, 0, null);
        var expected = times.Select((time, i) => (time, i)).OrderBy(it => it.time).ThenBy(it => it.i).Select(it => it.i);
        return expected.SequenceEqual(times.Select(_ => queue.Take().A).ToList());
    });

    [Fact]
    public void Weighted_ManyDraws_FollowTheWeights()
    {
        var (chance, drawn) = (new SimRandom(1), new int[3]);
        for (var i = 0; i < 100_000; i++) drawn[chance.Weighted([1, 1, 4])]++; // weights 1, 0, 3

        Assert.InRange(drawn[0], 24_000, 26_000);
        Assert.Equal(0, drawn[1]);
        Assert.InRange(drawn[2], 74_000, 76_000);
    }
}

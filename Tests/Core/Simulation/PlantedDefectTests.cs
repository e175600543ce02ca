using HiveMind.Nodes;
using HiveMind.Scheduling;
using HiveMind.Simulation;
using HiveMind.Tasks;

namespace HiveMind.Tests.Simulation;

/// <summary>
/// Would the simulator notice? Each test plants a defect in the order in which steps are taken, or in a rule, and must be told of it, and told how to see it again.
/// </summary>
public sealed class PlantedDefectTests(ITestOutputHelper output)
{
    private const long Steps = 30_000;

    [Fact]
    public void Backfill_DelayingTheHead_IsFound() => AssertFound("I7", new LetsAllPass());

    [Fact]
    public void Heartbeat_AnsweredAfterTheStores_IsFound() => AssertFound("Lease", new AnswersLast());

    [Fact]
    public void Heartbeat_AnsweredWhileItsLeaseEnds_IsFound() => AssertFound("Lease", new AnswersAll());

    [Fact]
    public void Start_TickedOffBeforeItsTaskKnowsIt_IsFound() => AssertFound("Start", new Skipping(wait => wait is TellStarts));

    [Fact]
    public void Submit_AcknowledgedBeforeItIsStored_IsFound() => AssertFound("I1", new Skipping(wait => wait is SaveTask { Why: SaveTaskOf.Birth }));

    [Fact]
    public void Submit_StoredBeforeItIsInTheIndex_IsFound() => AssertFound("I10", new Skipping(wait => wait is EnterIndex { How: IndexEntry.Before }));

    [Fact]
    public void Grant_HandedOutBeforeItIsStored_IsFound() => AssertFound("I1", new Skipping(wait => wait is SaveTask { Why: SaveTaskOf.Grant }));

    [Fact]
    public void End_AcknowledgedBeforeItIsStored_IsFound() => AssertFound("I1", new Skipping(wait => wait is SaveTask { Why: SaveTaskOf.AttemptEnd }));

    [Fact]
    public void End_AcknowledgedBeforeItsTaskKnowsIt_IsFound() => AssertFound("I1", new Skipping(wait => wait is RecordEnds));

    [Fact]
    public void Cancel_AcknowledgedBeforeItIsStored_IsFound() => AssertFound("I8", new Skipping(wait => wait is SaveTask { Why: SaveTaskOf.Cancel }));

    [Fact]
    public void Expiry_ToldBeforeItIsStored_IsFound() => AssertFound("I1", new Skipping(wait => wait is SaveTask { Why: SaveTaskOf.Expiry }));

    [Fact]
    public void Connection_WelcomedBeforeItsEpochIsStored_IsFound() => AssertFound("I1", new Skipping(wait => wait is SaveNode { Why: SaveOf.Connection }));

    private void AssertFound(string invariant, PlantedDefect defect)
    {
        for (var seed = 1UL; seed <= 200; seed++)
        {
            if (Play(seed, defect) is not { } found) continue;
            output.WriteLine(found.Message);
            Assert.Equal(invariant, found.Invariant);
            Assert.Contains($"--from {seed} --seeds 1", found.Message, StringComparison.Ordinal);
            Assert.Equal(found.Step, Play(seed, defect)?.Step);
            Assert.Null(Play(seed, PlantedDefect.None));
            return;
        }
        Assert.Fail("200 seeds did not find it.");
    }

    private static ViolationException? Play(ulong seed, PlantedDefect defect)
    {
        try
        {
            Seeds.Play(seed, Steps, defect: defect);
            return null;
        }
        catch (ViolationException violation)
        {
            return violation;
        }
    }

    private sealed class Skipping(Func<Effect, bool> skips) : PlantedDefect
    {
        public override bool Skips(Effect wait) => skips(wait);
    }

    private sealed class AnswersLast : PlantedDefect
    {
        public override bool AnswersHeartbeatsLast => true;
    }

    private sealed class AnswersAll : PlantedDefect
    {
        public override bool AnswersWhileALeaseEnds => true;
        /// <summary>Long enough for a line that was cut to be back meanwhile.</summary>
        public override long Delays(Effect wait) => wait is SaveNode { Why: SaveOf.Verdict } ? 5 * Ticks.Second : 0;
    }

    private sealed class LetsAllPass : PlantedDefect
    {
        public override BackfillRule Backfill { get; } = new Nobody();

        private sealed class Nobody : BackfillRule
        {
            public override bool Allows(Reservation kept, in ResourceVector request, long endsBy) => true;
        }
    }
}

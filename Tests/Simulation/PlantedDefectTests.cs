using HiveMind.Scheduling;
using HiveMind.Simulation;
using HiveMind.Tasks;

namespace HiveMind.Tests.Simulation;

/// <summary>Would the simulator notice? Each test plants a defect where the world calls a rule and must be told of it, and told how to see it again.</summary>
public sealed class PlantedDefectTests(ITestOutputHelper output)
{
    private const long Steps = 30_000;

    [Fact]
    public void ARelease_CountedTwice_IsFound() => AssertFound("I6", new FreesTwice());

    [Fact]
    public void AStaleAttempt_Accepted_IsFound() => AssertFound("I4", new TakesStaleReports());

    [Fact]
    public void Backfill_DelayingTheHead_IsFound() => AssertFound("I7", new LetsAllPass());

    private void AssertFound(string invariant, Seams defect)
    {
        for (var seed = 1UL; seed <= 200; seed++)
        {
            if (Play(seed, defect) is not { } found) continue;
            output.WriteLine(found.Message);
            Assert.Equal(invariant, found.Invariant);
            Assert.Contains($"--from {seed} --seeds 1", found.Message, StringComparison.Ordinal);
            Assert.Equal(found.Step, Play(seed, defect)?.Step);
            Assert.Null(Play(seed, Seams.None));
            return;
        }
        Assert.Fail("200 seeds did not find it.");
    }

    private static ViolationException? Play(ulong seed, Seams seams)
    {
        try
        {
            Seeds.Play(seed, Steps, seams: seams);
            return null;
        }
        catch (ViolationException violation)
        {
            return violation;
        }
    }

    private sealed class FreesTwice : Seams
    {
        public override NodeRoom NewRoom() => new Room();

        private sealed class Room : NodeRoom
        {
            private ResourceRequest _tooMuch = ResourceMath.Nothing;

            public override ResourceRequest Free => base.Free.Plus(_tooMuch);

            public override bool Release(string taskId)
            {
                var before = base.Free;
                var released = base.Release(taskId);
                if (released) _tooMuch = _tooMuch.Plus(base.Free.Minus(before));
                return released;
            }
        }
    }

    private sealed class TakesStaleReports : Seams
    {
        /// <summary>Whatever the attempt, while one is open.</summary>
        public override bool IsCurrent(TaskRecord task, string nodeId, int attempt) => task.Current is not null;
    }

    private sealed class LetsAllPass : Seams
    {
        public override BackfillRule Backfill { get; } = new Nobody();

        private sealed class Nobody : BackfillRule
        {
            public override bool Allows(Reservation kept, in ResourceVector request, long endsBy) => true;
        }
    }
}

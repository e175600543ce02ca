using CsCheck;
using HiveMind.Nodes;
using HiveMind.Tasks;

namespace HiveMind.Tests.Nodes;

public sealed class FailureStreakTests
{
    private static readonly DateTimeOffset Noon = new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);
    private static readonly string[] AllCauses =
    [
        Causes.Completed, Causes.ProgramFailed, Causes.WorkerFault, Causes.WorkerRefused, Causes.OutOfMemory, Causes.OutputTooLarge,
        Causes.RunTimeout, Causes.NodeLost, Causes.Cancelled,
    ];

    private readonly FailureStreak _streak = new(5, Minute, TimeSpan.FromHours(1));

    private bool Fail(string account, DateTimeOffset? at = null, string cause = Causes.ProgramFailed) => _streak.Ended(account, cause, at ?? Noon);

    [Fact]
    public void Ended_FiveInARowOfThreeAccounts_CordonsForAMinute()
    {
        Assert.False(Fail("anna"));
        Assert.False(Fail("bert", cause: Causes.WorkerFault));
        Assert.False(Fail("anna", cause: Causes.OutOfMemory));
        Assert.False(Fail("bert", cause: Causes.WorkerRefused));
        Assert.True(Fail("cleo"));

        Assert.Equal((Noon + Minute, "failing: tasks of 3 accounts failed here one after another"), (_streak.Until, _streak.Reason));
        Assert.True(_streak.IsCordoned(Noon.AddSeconds(59)));
        Assert.False(_streak.IsCordoned(Noon + Minute));
    }

    [Fact]
    public void Ended_AnyLengthOfProgramsFailuresOfOneOrTwoAccounts_NeverCordons() =>
        Gen.Select(Gen.OneOfConst("anna", "bert"), Gen.OneOfConst(AllCauses.Where(cause => !FailureStreak.IsMachinesOwn(cause)).ToArray())).List[0, 200].Sample(ends =>
        {
            var streak = new FailureStreak(3, Minute, TimeSpan.FromHours(1));
            return !ends.Any(end => streak.Ended(end.Item1, end.Item2, Noon));
        });

    [Theory, InlineData(Causes.WorkerFault), InlineData(Causes.WorkerRefused)]
    public void Ended_TheWorkersOwnFailures_CountWhoeversTasksTheyWere_AndOneMoreAfterwards(string cause)
    {
        for (var i = 0; i < 4; i++) Assert.False(Fail("anna", cause: cause));
        Assert.False(Fail("anna")); // a program's own
        Assert.True(Fail("anna", cause: cause));
        Assert.Equal((Noon + Minute, "failing: its worker failed 5 tasks one after another"), (_streak.Until, _streak.Reason));

        var now = Noon + Minute;
        Assert.False(Fail("anna", now));
        Assert.True(Fail("anna", now, cause));
        Assert.Equal(now + 2 * Minute, _streak.Until);
    }

    [Fact]
    public void Ended_TheWorkersOwnFailuresWithASuccessBetween_AreForgotten()
    {
        for (var i = 0; i < 4; i++) Assert.False(Fail("anna", cause: Causes.WorkerFault));
        Assert.False(Fail("anna", cause: Causes.Completed));
        for (var i = 0; i < 4; i++) Assert.False(Fail("anna", cause: Causes.WorkerFault));
        Assert.True(Fail("anna", cause: Causes.WorkerFault));
    }

    [Fact]
    public void Ended_OneThatSubmitsMuch_DoesNotOutweighTheOthers()
    {
        for (var i = 0; i < 50; i++) Assert.False(Fail("anna"));
        Assert.False(Fail("bert"));
        Assert.False(Fail("cleo")); // 2 + 1 + 1
        Assert.True(Fail("dora"));
    }

    [Fact]
    public void Ended_AnySequence_CordonsOnlyWithoutASuccessBetween_AndNeverLongerThanItMay() =>
        Gen.Select(Gen.Int[0, 5], Gen.OneOfConst(AllCauses), Gen.Int[0, 4000]).List[1, 150].Sample(ends =>
        {
            var streak = new FailureStreak(5, Minute, TimeSpan.FromHours(1));
            var (now, accounts, before, own) = (Noon, new HashSet<int>(), false, 0);
            foreach (var (account, cause, seconds) in ends)
            {
                now += TimeSpan.FromSeconds(seconds);
                if (streak.IsCordoned(now)) continue;
                if (cause == Causes.Completed) (accounts, before, own) = ([], false, 0);
                if (FailureStreak.IsMachinesOwn(cause)) own++;
                if (FailureStreak.CountsAgainst(cause)) accounts.Add(account);
                if (!streak.Ended($"u{account}", cause, now)) continue;
                if (!FailureStreak.CountsAgainst(cause) || (!before && own < 5 && accounts.Count < FailureStreak.FewestAccounts)) return false;
                if (!streak.IsCordoned(now) || streak.Until - now < Minute || streak.Until - now > TimeSpan.FromHours(1)) return false;
                before = true;
            }

            return true;
        });

    [Fact]
    public void Ended_OnProbation_AnotherAccountsFailureIsEnough_TheSameOnesIsNot()
    {
        Cordon(Noon);
        var now = Noon + Minute;

        Assert.False(Fail("anna", now)); // it has submitted its broken program again
        Assert.True(Fail("dora", now));
        Assert.Equal(now + 2 * Minute, _streak.Until);
        now += 2 * Minute;
        Assert.False(Fail("dora", now));
        Assert.True(Fail("emil", now));
        Assert.Equal(now + 4 * Minute, _streak.Until);
    }

    [Fact]
    public void Ended_OnProbation_TheSameAccountsFailingInARow_CordonsAgain()
    {
        Cordon(Noon);
        Assert.True(Cordon(Noon + Minute));
        Assert.Equal(Noon + 3 * Minute, _streak.Until);
    }

    [Fact]
    public void Ended_AgainAndAgain_LastsAnHourAtMost_AndSuccessesHalveIt()
    {
        var now = Noon;
        for (var i = 0; i < 12; i++)
        {
            Assert.True(Cordon(now));
            now = _streak.Until!.Value;
        }

        Assert.Equal(TimeSpan.FromHours(1), Next(ref now));
        for (var i = 0; i < 10; i++) Assert.False(_streak.Ended("anna", Causes.Completed, now));
        Assert.Equal(8 * Minute, Next(ref now)); // 13 cordons less 10
        for (var i = 0; i < 10; i++) Assert.False(_streak.Ended("anna", Causes.Completed, now));
        Assert.Equal(Minute, Next(ref now));
    }

    [Fact]
    public void Ended_WhileItIsCordoned_SaysNothing()
    {
        Cordon(Noon);
        Assert.False(Fail("dora", Noon.AddSeconds(1)));
        Assert.False(_streak.Ended("anna", Causes.Completed, Noon.AddSeconds(2)));

        Assert.True(Fail("dora", Noon + Minute)); // still on probation
    }

    [Fact]
    public void Forget_ByHand_StartsAnew()
    {
        Cordon(Noon);
        _streak.Forget();

        Assert.False(_streak.IsCordoned(Noon));
        Assert.False(Fail("dora"));
        Cordon(Noon);
        Assert.Equal(Noon + Minute, _streak.Until);
    }

    [Fact]
    public void IsCordoned_ClockSetBack_IsNotLongerThanItMayBe()
    {
        Cordon(Noon);
        Assert.False(_streak.IsCordoned(Noon.AddHours(-3)));
    }

    [Fact]
    public void Ended_SwitchedOff_NeverCordons()
    {
        var off = new FailureStreak(0, Minute, Minute);
        Assert.DoesNotContain(true, Enumerable.Range(0, 50).Select(i => off.Ended($"u{i}", Causes.WorkerFault, Noon)));
    }

    private bool Cordon(DateTimeOffset now) => new[] { "anna", "anna", "bert", "bert", "cleo" }.Select(account => Fail(account, now)).ToList()[^1];

    private TimeSpan Next(ref DateTimeOffset now)
    {
        Assert.True(Cordon(now));
        var length = _streak.Until!.Value - now;
        now = _streak.Until.Value;
        return length;
    }
}

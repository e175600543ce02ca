using CsCheck;
using HiveMind.Scheduling;
using HiveMind.Tasks;
using static HiveMind.Tests.Scheduling.CoreTalk;

namespace HiveMind.Tests.Scheduling;

public sealed class FairShareTests
{
    private long _version = 1;

    /// <summary>One node of so many cores that runs each offer for a second and says so: who got how many of the runs.</summary>
    private Dictionary<string, int> Play(SchedulerCore core, int cores, int seconds, DateTimeOffset from)
    {
        var got = new Dictionary<string, int>();
        for (var second = 0; second < seconds; second++)
        {
            var now = from.AddSeconds(second);
            core.NodeChanged(new NodeBuilder("n").Size(cores, 65536).Version(++_version), now);
            var tasks = core.Propose(now, int.MaxValue).SelectMany(offer => offer.Tasks).ToList();
            var running = tasks.Select(task => new RunningTask(task.TaskId, task.UserId, task.Priority, task.Resources, now.AddSeconds(1))).ToList();
            NodeView full = new NodeBuilder("n").Size(cores, 65536).Free(0).Version(++_version);
            core.OfferAnswered("n", new([.. tasks.Select(task => new OfferAnswer(task.TaskId, OfferAnswerKind.Granted))], full with { Running = running }), now);
            foreach (var task in tasks) got[task.UserId] = got.GetValueOrDefault(task.UserId) + 1;
        }
        return got;
    }

    private static void Submit(SchedulerCore core, string user, int tasks, TaskPriority priority = TaskPriority.Normal, string role = "")
    {
        for (var i = 0; i < tasks; i++) core.Enqueue(new TaskBuilder($"{user}{i:0000}").Of(user).At(i).Priority(priority).Role(role).Runs(1), Now);
    }

    [Fact]
    public void Propose_TwoAccountsOfEqualWeight_ShareEvenlyWhateverPriorityOneClaims()
    {
        var core = NewCore(new SchedulingOptions { BandWeights = new() { Urgent = 1 } });
        Submit(core, "a", 1000, TaskPriority.Urgent);
        Submit(core, "b", 1000);
        var got = Play(core, 4, 100, Now);
        Assert.Equal(400, got["a"] + got["b"]);
        Assert.InRange(got["a"], 195, 205);
    }

    [Fact]
    public void Propose_HigherBand_UsesUpTheShareFaster()
    {
        var core = NewCore();
        Submit(core, "hasty", 1000, TaskPriority.Urgent); // weighs 4
        Submit(core, "calm", 1000);
        var got = Play(core, 5, 200, Now);
        Assert.InRange(got["calm"] / (double)got["hasty"], 3.5, 4.5);
    }

    [Fact]
    public void Propose_TwiceTheWeight_TwiceTheShare()
    {
        var core = NewCore(new SchedulingOptions { Roles = { ["admin"] = new() { Weight = 2 } } });
        Submit(core, "boss", 1000, role: "admin");
        Submit(core, "anna", 1000, role: "user");
        var got = Play(core, 3, 200, Now);
        Assert.InRange(got["boss"] / (double)got["anna"], 1.9, 2.1);
    }

    [Fact]
    public void Propose_NewcomerBesideOneThatFilledThePoolForHours_ComesFirstButNotAlone()
    {
        var core = NewCore(new SchedulingOptions { UsageHalfLife = TimeSpan.FromMinutes(1) });
        Submit(core, "old", 9000);
        Play(core, 8, 600, Now);
        Submit(core, "new", 2000);
        var got = Play(core, 8, 60, Now.AddSeconds(600));
        Assert.True(got["new"] > got["old"], "who has used less goes first");
        Assert.True(got["old"] > 60, "who has used much is not shut out");
    }

    [Fact]
    public void Propose_HalfLivesLater_WhatWasUsedIsForgotten()
    {
        var core = NewCore(new SchedulingOptions { UsageHalfLife = TimeSpan.FromMinutes(1) });
        Submit(core, "old", 800);
        Play(core, 8, 100, Now);
        var later = Now.AddHours(1);
        core.NodeChanged(new NodeBuilder("n").Size(8).Version(++_version), Now.AddSeconds(100)); // all have ended
        for (var i = 0; i < 400; i++) core.Enqueue(new TaskBuilder($"again{i:0000}").Of("old").At(i).Runs(1), later);
        Submit(core, "new", 400);
        var got = Play(core, 8, 50, later);
        Assert.InRange(got["new"], 195, 205);
    }

    [Fact]
    public void Propose_TaskWaitsLongEnough_PassesThoseOfHigherBandsThatCameLater()
    {
        var core = NewCore(new SchedulingOptions { AgingStep = TimeSpan.FromSeconds(10) });
        core.Enqueue(
            new TaskBuilder("low").Priority(TaskPriority.Low).At(0), new TaskBuilder("urgent-soon").Priority(TaskPriority.Urgent).At(29),
            new TaskBuilder("urgent-late").Priority(TaskPriority.Urgent).At(31));
        core.Nodes(new NodeBuilder("n").Size(3));
        Assert.Equal(["urgent-soon@n", "low@n", "urgent-late@n"], core.Propose());
    }

    [Fact]
    public void Propose_RoleMayRunTwoAtOnce_TheThirdIsHeldUntilOneEnds()
    {
        var core = NewCore(new SchedulingOptions { Roles = { ["user"] = new() { MaxRunning = 2 } } });
        for (var i = 0; i < 3; i++) core.Enqueue(new TaskBuilder($"a{i}").At(i).Role("user"));
        core.Enqueue(new TaskBuilder("b").Of("bob").At(9)).Nodes(new NodeBuilder("n").Size(8));
        Assert.Equal(["a0@n", "b@n", "a1@n"], core.Propose());
        Assert.Equal(("HELD_QUOTA_RUNNING", 2), (core.Explain("a2", Now).Reason, core.LoadOf("anna").Running));

        NodeView after = new NodeBuilder("n").Size(8).Free(7).Version(2);
        core.Answer("n", after with { Running = [Run("a0")] }, ("a0", OfferAnswerKind.Granted), ("a1", OfferAnswerKind.Granted), ("b", OfferAnswerKind.Granted));
        Assert.Equal(["a2@n"], core.Propose());
    }

    /// <summary>A heartbeat that was on its way with the offer does not name what was offered: that is no end.</summary>
    [Fact]
    public void NodeChanged_WhileAnOfferIsOnItsWay_TheOfferStillCountsAsRunning()
    {
        var core = NewCore(new SchedulingOptions { Roles = { ["user"] = new() { MaxRunning = 1 } } });
        core.Enqueue(new TaskBuilder("a").At(1).Role("user"), new TaskBuilder("b").At(2).Role("user")).Nodes(new NodeBuilder("n").Size(8), new NodeBuilder("m").Size(8));
        var first = Assert.Single(core.Propose());

        core.Nodes(new NodeBuilder(first.Split('@')[1]).Size(8).Version(2));

        Assert.Equal(1, core.LoadOf("anna").Running);
        Assert.Empty(core.Propose());
    }

    [Fact]
    public void Propose_RoleMayHoldFourCores_ALargerTaskIsHeldAndASmallerOneGoes()
    {
        var core = NewCore(new SchedulingOptions { Roles = { ["user"] = new() { MaxCores = 4 } } });
        core.Enqueue(
            new TaskBuilder("a").Cores(3).At(0).Role("user"), new TaskBuilder("b").Cores(2).At(1).Role("user"), new TaskBuilder("c").Cores(1).At(2).Role("user"));
        core.Nodes(new NodeBuilder("n").Size(16));
        Assert.Equal(["a@n", "c@n"], core.Propose());
        Assert.Equal("HELD_QUOTA_CORES", core.Explain("b", Now).Reason);
    }

    [Fact]
    public void Rank_ScaleStartsOver_OrderIsKept()
    {
        var core = NewCore(new SchedulingOptions { UsageHalfLife = TimeSpan.FromSeconds(1) });
        Submit(core, "a", 3000, TaskPriority.Urgent);
        Submit(core, "b", 3000);
        var got = Play(core, 5, 500, Now); // 2^500: several times over
        Assert.InRange(got["b"] / (double)got["a"], 3.5, 4.5);
    }

    [Fact]
    public void Hold_ManyAdditionsAndEnds_NothingIsLeftOver()
    {
        var core = NewCore();
        Submit(core, "a", 500);
        Play(core, 4, 125, Now);
        core.NodeChanged(new NodeBuilder("n").Size(4).Version(++_version), Now.AddSeconds(200));
        Assert.Equal(new UserLoad(0, 0, 0), core.LoadOf("a"));
    }

    [Fact]
    public void Propose_ClockLeapsByMonths_RanksStayNumbersAndTheNewcomerStillGoesFirst()
    {
        var core = NewCore(new SchedulingOptions { UsageHalfLife = TimeSpan.FromMinutes(1) });
        Submit(core, "old", 2000);
        Play(core, 4, 10, Now);
        var later = Now.AddDays(200); // far more half-lives than a double has powers of two
        Play(core, 4, 10, later);
        Submit(core, "carla", 100);
        var got = Play(core, 4, 20, later.AddSeconds(10));
        Assert.InRange(got["carla"], 45, 80); // its share at least: it has used nothing
        Assert.All(core.Shares.All, account => Assert.True(double.IsFinite(account.Rank) && double.IsFinite(account.Used), account.UserId));
    }

    [Fact]
    public void Ranks_AnyHistoryOfClocks_AreFiniteAndNotNegative() => Gen.Select(
        Gen.Int[0, 2], Gen.OneOf(Gen.Long[-TimeSpan.TicksPerHour, TimeSpan.TicksPerHour], Gen.Long[-(1L << 50), 1L << 58]), Gen.Int[1, 4096]).Array[1, 60].Sample(history =>
    {
        var shares = new Shares(new SchedulingOptions { UsageHalfLife = TimeSpan.FromMinutes(1) });
        var now = Now.UtcTicks;
        foreach (var (kind, leap, cores) in history)
        {
            now = Math.Clamp(now + leap, 0, DateTimeOffset.MaxValue.UtcTicks);
            if (kind == 0) shares.Hold(shares.Of($"u{cores % 3}"), cores, cores * 1000, now);
            else if (kind == 1 && shares.Find($"u{cores % 3}") is { Running: > 0 } held) shares.Release(held, held.Rate, (int)held.MilliCores, now);
            else shares.Refresh(now);
            foreach (var account in shares.All)
                if (!double.IsFinite(account.Rank) || account.Rank < 0 || !double.IsFinite(account.Used) || account.Used < 0) return false;
        }
        return true;
    }, iter: 20_000);

    [Fact]
    public void Used_ClockIsSetForward_ForgetsByTheTimeThatWentBy()
    {
        var shares = new Shares(new SchedulingOptions { UsageHalfLife = TimeSpan.FromMinutes(1) });
        var account = shares.Of("anna");
        var now = Now.UtcTicks;
        shares.Hold(account, 4, 4000, now);
        now += 60 * TimeSpan.TicksPerSecond;
        shares.Release(account, 4, 4000, now);
        shares.Refresh(now);
        var before = shares.UsedBy(account);
        shares.Stepped = TimeSpan.TicksPerHour; // the clock is set an hour ahead
        shares.Refresh(now + TimeSpan.TicksPerHour + TimeSpan.TicksPerMinute);
        Assert.Equal(before / 2, shares.UsedBy(account), 6);
    }

    private static RunningTask Run(string id) => new(id, "anna", TaskPriority.Normal, new(1000, 256, 0), Now.AddHours(1));
}

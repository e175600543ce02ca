using HiveMind.Rewards;
using HiveMind.Tasks;

namespace HiveMind.Tests.Tasks;

/// <summary>The task's machine by itself: what is durable before whom it is told, what a failure leaves behind, and what is only memory.</summary>
public sealed class TaskMachineTests
{
    private readonly TaskBench _task = new();

    private static readonly TaskSpec Hasty = TaskBench.Spec with { QueueDeadline = TimeSpan.FromSeconds(30) };

    private static TimeSpan S(double seconds) => TimeSpan.FromSeconds(seconds);

    // ------------------------------------------------------------ submit

    /// <summary>The entry by which a sweep finds it stands before there is anything to be found.</summary>
    [Fact]
    public void Submit_New_IsInTheIndexBeforeItIsBornAndAnnouncedAfterwards()
    {
        var told = _task.Submit();

        Assert.Equal(["index Before", "save Birth", "happened Submitted", "announce new"], _task.Done);
        Assert.Equal((TaskState.Pending, TaskBench.Noon), (told.State, told.CreatedAt));
        Assert.Same(_task.Stored, _task.Machine.Record);
        Assert.False(_task.Left);
    }

    [Fact]
    public void Submit_OneOfMany_LeavesMemoryOnceItWaits()
    {
        _task.Submit(oneOfMany: true);
        Assert.True(_task.Left);
        var again = new TaskBench(_task.Stored);
        again.Submit(oneOfMany: true);
        Assert.True(again.Left);
        var running = new TaskBench(TaskLifecycle.Grant(_task.Stored!, "n1", "o", 1, TaskBench.Noon));
        running.Submit(oneOfMany: true);
        Assert.False(running.Left); // it may have heard what is only memory
    }

    /// <summary>What stood still for so long may have lost its entry to a sweep: it is entered again before the submit is answered.</summary>
    [Theory]
    [InlineData(15, false)]
    [InlineData(15.1, true)]
    public void Submit_BornLongAfterItWasEntered_IsEnteredAgainBeforeItIsAnswered(double seconds, bool isSlow)
    {
        var reply = new Reply<TaskSnapshot>();
        var (submit, _) = _task.Until<SaveTask>(_task.Machine.Submit(TaskBench.Spec, false, false, reply));
        _task.Pass(seconds);
        _task.GoOn(submit);

        string[] done = ["index Before", "save Birth", "index Again", "happened Submitted", "announce new"];
        Assert.Equal(done.Where(step => isSlow || step != "index Again"), _task.Done);
        Assert.Equal(TaskState.Pending, reply.Value.State);
    }

    /// <summary>The time that writing the entry took counts as well: the sweep may have met it from its first moment on.</summary>
    [Fact]
    public void Submit_EntryIsWrittenSlowly_CountsFromBeforeIt()
    {
        var (submit, _) = _task.Until<EnterIndex>(_task.Machine.Submit(TaskBench.Spec, false, false, new Reply<TaskSnapshot>()));
        _task.Pass(16);
        _task.GoOn(submit);

        Assert.Contains("index Again", _task.Done);
        Assert.Equal(TaskBench.Noon, _task.Stored!.CreatedAt);
    }

    [Fact]
    public void Submit_EnteringFails_NothingIsBornAndItIsNotAnswered()
    {
        var reply = new Reply<TaskSnapshot>();
        _task.Fail<EnterIndex>(_task.Machine.Submit(TaskBench.Spec, false, false, reply));

        Assert.Null(_task.Machine.Record);
        Assert.Empty(_task.Done);
        Assert.Throws<InvalidOperationException>(() => reply.Value);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Submit_BirthFails_NobodyIsToldAndTheSubmitAgainFinishesIt(bool isStored)
    {
        var reply = new Reply<TaskSnapshot>();
        _task.Fail<SaveTask>(_task.Machine.Submit(TaskBench.Spec, false, false, reply), isStored);
        Assert.Throws<InvalidOperationException>(() => reply.Value);
        Assert.Equal(["index Before"], _task.Take());
        Assert.Null(_task.Machine.Record); // what is not known to be stored is not shown

        _task.Wake(elsewhere: true);
        _task.Submit();

        string[] done = isStored ? ["index Ensured", "announce new"] : ["index Before", "save Birth", "happened Submitted", "announce new"];
        Assert.Equal(done, _task.Done);
    }

    [Fact]
    public void Submit_AgainWhileItWaits_ChangesNothingAndIsTheSame()
    {
        var first = _task.Submit();
        var stored = _task.Stored;
        _task.Take();
        _task.Pass(5);

        var second = _task.Submit();

        Assert.Equal(["index Ensured", "announce new"], _task.Done);
        Assert.Same(stored, _task.Stored);
        Assert.Equal(first.CreatedAt, second.CreatedAt);
    }

    [Fact]
    public void Submit_AgainWhileItRuns_IsNotAnnounced()
    {
        Granted();

        Assert.Equal(TaskState.Assigned, _task.Submit().State);

        Assert.Equal(["index Ensured"], _task.Done);
    }

    [Fact]
    public void Submit_AgainWhenItHasEnded_TellsTheEndAndEntersNothing()
    {
        _task.Submit();
        _task.Cancel();
        _task.Take();

        Assert.Equal(TaskState.Cancelled, _task.Submit().State);

        Assert.Empty(_task.Done);
    }

    [Fact]
    public void Submit_ItsIdForAnotherTask_IsRefusedAndChangesNothing()
    {
        _task.Submit();
        _task.Take();

        var refused = Assert.Throws<HiveMindException>(() => _task.Submit(TaskBench.Spec with { TaskType = "noop" }));

        Assert.Equal(("REQUEST_ID_REUSED", FailureKind.AlreadyExists), (refused.Reason, refused.Kind));
        Assert.Empty(_task.Done);
    }

    [Fact]
    public void Submit_OfOneThatOnlyTheDatabaseKnows_IsAnsweredByItAndNotBornAgain()
    {
        _task.Submit();
        var old = _task.Cancel();
        var later = new TaskBench { Old = old };

        Assert.Same(old, later.Submit(mayBeOld: true));
        Assert.Equal(["find"], later.Take());
        Assert.Equal("REQUEST_ID_REUSED", Assert.Throws<HiveMindException>(() => later.Submit(TaskBench.Spec with { TaskType = "noop" }, mayBeOld: true)).Reason);
        Assert.Null(later.Stored);
    }

    [Fact]
    public void Submit_DatabaseCannotBeAsked_NothingIsBorn()
    {
        _task.Fail<FindEnded>(_task.Machine.Submit(TaskBench.Spec, false, mayBeOld: true, new Reply<TaskSnapshot>()));

        Assert.Empty(_task.Done);
        Assert.Null(_task.Machine.Record);
    }

    [Fact]
    public void Submit_MayBeOldAndIsNot_IsBorn()
    {
        _task.Submit(mayBeOld: true);
        Assert.Equal(["find", "index Before", "save Birth", "happened Submitted", "announce new"], _task.Done);
    }

    // ------------------------------------------------------------ grant

    [Fact]
    public void Grant_Waiting_IsTheNextAttemptOnceItIsDurable()
    {
        _task.Submit();
        _task.Take();
        _task.Pass(3);

        var granted = _task.Grant();

        Assert.Equal(["standing anna", "save Grant", "happened Granted"], _task.Done);
        Assert.Equal((1, S(300), S(330)), (granted.Assignment!.Attempt, granted.Assignment.RunTimeout, granted.Assignment.OverdueAfter));
        var attempt = _task.Stored!.Current!;
        Assert.Equal(("n1", "owner", 4L, TaskBench.Noon.AddSeconds(3)), (attempt.NodeId, attempt.OwnerId, attempt.Epoch, attempt.AssignedAt));
        Assert.Equal("", granted.Refusal);
    }

    [Fact]
    public void Grant_WhileItIsWritten_IsShownAsWaiting()
    {
        _task.Submit();
        var reply = new Reply<GrantResult>();
        var (grant, _) = _task.Until<SaveTask>(_task.Machine.Grant("n1", "owner", 4, reply));

        Assert.Equal(TaskState.Pending, _task.Machine.Snapshot(_task.Now)!.State);
        Assert.False(_task.Started()); // whoever says so has it from nobody
        Assert.Throws<InvalidOperationException>(() => reply.Value);
        _task.GoOn(grant);
        Assert.Equal(TaskState.Assigned, _task.Machine.Snapshot(_task.Now)!.State);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Grant_WriteFails_IsNotAnsweredAndWhatIsStoredDecides(bool isStored)
    {
        _task.Submit();
        _task.Fail<SaveTask>(_task.Machine.Grant("n1", "owner", 4, new Reply<GrantResult>()), isStored);
        Assert.DoesNotContain("happened Granted", _task.Done);

        _task.Wake(elsewhere: false);
        var second = _task.Grant("n2");

        Assert.Equal(isStored, second.Assignment is null);
        Assert.Equal(isStored ? "n1" : "n2", _task.Stored!.Current!.NodeId);
        var found = _task.Examine(); // as the sweep finds it
        Assert.Equal((isStored ? "n1" : "n2", 1), (found.NodeId, found.Assignment!.Attempt));
    }

    [Theory]
    [InlineData(GrantResult.NoCredit)]
    [InlineData(GrantResult.AccountInactive)]
    public void Grant_ItsAccountMayNotStartIt_WaitsOn(string refusal)
    {
        _task.Submit(TaskBench.Spec with { Hold = new TaskHold(10, 10, 1) });
        _task.Take();
        _task.Refusal = refusal;

        Assert.Equal(new GrantResult(null, refusal), _task.Grant());

        Assert.Equal(["standing anna held"], _task.Done);
        Assert.Null(_task.Stored!.Current);
    }

    [Fact]
    public void Grant_StandingCannotBeAsked_IsNotGranted()
    {
        _task.Submit();
        _task.Fail<AskStanding>(_task.Machine.Grant("n1", "owner", 4, new Reply<GrantResult>()));
        Assert.Null(_task.Stored!.Current);
    }

    [Fact]
    public void Grant_NotWaiting_SaysWhatItIs()
    {
        Assert.Equal(new GrantResult(null, "MISSING"), _task.Grant());
        Assert.True(_task.Left);
        Granted();
        Assert.Equal(new GrantResult(null, "Assigned"), _task.Grant("n2"));
        _task.Cancel();
        _task.Take();
        Assert.Equal(new GrantResult(null, "Cancelled"), _task.Grant("n2"));
        Assert.Empty(_task.Done);
    }

    /// <summary>Whoever forgot to end it: it is not started too late.</summary>
    [Fact]
    public void Grant_ItsTimeToStartIsOver_EndsItInstead()
    {
        _task.Submit(Hasty);
        _task.Take();
        _task.Pass(30);

        Assert.Equal(new GrantResult(null, "TimedOut"), _task.Grant());

        Assert.Equal(["save Expiry", "happened Expired", "happened Ended", "settle", "withdraw"], _task.Done);
        Assert.Equal(Causes.QueueDeadline, _task.Stored!.Outcome!.Reason);
    }

    [Fact]
    public void Grant_JustBeforeItsWholeTimeIsOver_RunsForTheRest()
    {
        _task.Submit(TaskBench.Spec with { TotalTimeout = S(100) });
        _task.Pass(99);

        Assert.Equal((S(1), S(31)), _task.Grant().Assignment is { } assignment ? (assignment.RunTimeout, assignment.OverdueAfter!.Value) : default);
    }

    // ------------------------------------------------------------ start

    [Fact]
    public void Started_IsMemoryAndStaysForAsLongAsTheRunMay()
    {
        Granted();
        _task.Pass(2);

        Assert.True(_task.Started());

        Assert.Equal(["happened Started"], _task.Take());
        Assert.Equal(S(330), _task.Stays);
        var shown = _task.Machine.Snapshot(_task.Now)!;
        Assert.Equal((TaskState.Running, TaskBench.Noon.AddSeconds(2)), (shown.State, shown.StartedAt));
        Assert.Equal(TaskState.Assigned, _task.Stored!.State);
    }

    [Fact]
    public void Started_ToldAgain_ChangesNothing()
    {
        Granted();
        _task.Started();
        _task.Take();
        _task.Pass(9);

        Assert.True(_task.Started());

        Assert.Empty(_task.Done);
        Assert.Equal(TaskBench.Noon, _task.Machine.Snapshot(_task.Now)!.StartedAt);
    }

    [Theory]
    [InlineData("n2", 1)]
    [InlineData("n1", 2)]
    public void Started_AnotherAttempt_IsNotCurrent(string node, int attempt)
    {
        Granted();
        Assert.False(_task.Started(attempt, node));
        Assert.Empty(_task.Done);
        Assert.Equal(TaskState.Assigned, _task.Machine.Snapshot(_task.Now)!.State);
        Assert.False(_task.Left);
    }

    [Fact]
    public void Started_NoSuchTask_IsNotCurrentAndLeavesMemory()
    {
        Assert.False(_task.Started());
        Assert.True(_task.Left);
    }

    /// <summary>An activation that did not grant it cannot know when its program began: from the grant on at the earliest, and the worker's own figure lowers it.</summary>
    [Theory]
    [InlineData(false, 0, 40)]
    [InlineData(false, 12, 12)]
    [InlineData(true, 12, 12)]
    public void Started_HeardAnewByALaterActivation_CountsFromTheGrant(bool elsewhere, double says, double paid)
    {
        Granted();
        _task.Started();
        _task.Pass(30);
        _task.Wake(elsewhere);
        Assert.Equal(TaskState.Assigned, _task.Machine.Snapshot(_task.Now)!.State); // until it is told again

        Assert.True(_task.Started());
        Assert.Equal(TaskBench.Noon, _task.Machine.Snapshot(_task.Now)!.StartedAt);
        _task.Pass(10);
        _task.End(TaskBench.Report(runMs: (long)(says * 1000)));

        Assert.Equal(paid * 1000, Assert.Single(_task.Stored!.Attempts).RunMs);
    }

    [Fact]
    public void Started_ByWhoGrantedIt_CountsFromTheStart()
    {
        Granted();
        _task.Pass(20);
        _task.Started();
        _task.Pass(10);
        _task.End(TaskBench.Report());
        Assert.Equal(10_000, _task.Stored!.Attempts[0].RunMs);
    }

    /// <summary>What was heard of one attempt says nothing of the next.</summary>
    [Fact]
    public void Started_OfAnAttemptThatIsOver_IsForgottenWithIt()
    {
        Granted();
        _task.Started();
        _task.Pass(20);
        _task.Run(_task.Machine.AttemptLost("n1", 1, Causes.NodeLost, true));
        _task.Grant("n2");
        _task.Pass(5);

        Assert.Equal(TaskState.Assigned, _task.Machine.Snapshot(_task.Now)!.State);
        Assert.Null(_task.Machine.Snapshot(_task.Now)!.StartedAt);
        Assert.Equal(0, _task.Cancel().CostMicros); // nothing was heard to run
    }

    /// <summary>Told while the end is being written: of that attempt still, which is over afterwards.</summary>
    [Fact]
    public void Started_WhileItsEndIsWritten_IsHeardAndForgottenWithTheAttempt()
    {
        Granted();
        var (end, _) = _task.Until<SaveTask>(_task.Machine.AttemptLost("n1", 1, Causes.NodeLost, true));
        Assert.True(_task.Started());
        _task.GoOn(end);
        _task.Grant("n2");
        Assert.Equal(TaskState.Assigned, _task.Machine.Snapshot(_task.Now)!.State);
        Assert.Equal(TimeSpan.Zero, _task.Stays);
    }

    [Fact]
    public void Started_WhileItsCancelIsWritten_IsNotShownAsStartedAfterwards()
    {
        Granted();
        var (cancel, _) = _task.Until<SaveTask>(_task.Machine.Cancel(new Reply<TaskSnapshot>()));
        Assert.True(_task.Started());
        _task.GoOn(cancel);

        Assert.Null(_task.Machine.Snapshot(_task.Now)!.StartedAt); // as its record says
        Assert.Equal(TimeSpan.Zero, _task.Stays);
        Assert.False(_task.Started());
    }

    // ------------------------------------------------------------ end

    [Fact]
    public void End_Outcome_IsDurableBeforeItIsPaidAndAnswered()
    {
        Granted();
        _task.Started();
        _task.Pass(10);
        _task.Take();
        var reply = new Reply<ReportVerdict>();
        var (end, _) = _task.Until<SaveTask>(_task.Machine.End("n1", TaskBench.Report(), reply));
        Assert.Empty(_task.Done);
        Assert.Equal(TaskState.Running, _task.Machine.Snapshot(_task.Now)!.State);
        _task.GoOn(end);

        Assert.Equal(["save AttemptEnd", "happened AttemptEnded", "happened Ended", "settle"], _task.Done);
        Assert.Equal(ReportVerdictKind.Accepted, reply.Value.Kind);
        Assert.Equal(TaskState.Completed, _task.Stored!.State);
        Assert.Equal(TimeSpan.Zero, _task.Stays);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void End_WriteFails_IsNotAnsweredNorPaidAndTheReportAgainIsPaidOnce(bool isStored)
    {
        Granted();
        _task.Pass(10);
        _task.Take();
        var reply = new Reply<ReportVerdict>();
        _task.Fail<SaveTask>(_task.Machine.End("n1", TaskBench.Report(), reply), isStored);
        Assert.Throws<InvalidOperationException>(() => reply.Value);
        Assert.Empty(_task.Done);

        _task.Wake(elsewhere: true);
        Assert.Equal(ReportVerdictKind.Accepted, _task.End(TaskBench.Report()).Kind);
        if (isStored) Assert.Empty(_task.Settled); // its entry is in the index: the sweep examines it
        _task.Examine();
        Assert.Equal(TaskState.Completed, Assert.Single(_task.Settled.Distinct()).State);
    }

    [Fact]
    public void End_ReportedAgain_IsAcceptedAndChangesNothing()
    {
        Granted();
        _task.End(TaskBench.Report());
        _task.Take();

        Assert.Equal(ReportVerdictKind.Accepted, _task.End(TaskBench.Report()).Kind);
        Assert.Empty(_task.Done);
        Assert.Equal(ReportVerdictKind.Stale, _task.End(TaskBench.Report(cause: Causes.ProgramFailed)).Kind);
        Assert.Equal(["happened RefusedAsStale"], _task.Done);
        Assert.Single(_task.Settled);
    }

    [Theory]
    [InlineData("n2", 1)]
    [InlineData("n1", 2)]
    public void End_AnotherAttempt_IsStaleAndChangesNothing(string node, int attempt)
    {
        Granted();

        var verdict = _task.End(TaskBench.Report(attempt), node);

        Assert.Equal((ReportVerdictKind.Stale, "STALE_ATTEMPT", attempt, TaskBench.Id), (verdict.Kind, verdict.Reason, verdict.Attempt, verdict.TaskId));
        Assert.Equal(["happened RefusedAsStale"], _task.Done);
        Assert.False(_task.Left);
    }

    [Fact]
    public void End_NoSuchTask_IsStaleAndLeavesMemory()
    {
        Assert.Equal(ReportVerdictKind.Stale, _task.End(TaskBench.Report()).Kind);
        Assert.True(_task.Left);
    }

    [Fact]
    public void End_ByTheWorkersOwnFault_WaitsAgainAndIsPutBackOnceThatIsDurable()
    {
        Granted();
        Assert.Equal(ReportVerdictKind.Accepted, _task.End(TaskBench.Report(cause: Causes.WorkerFault)).Kind);

        Assert.Equal(["save AttemptEnd", "happened AttemptEnded", "return +0"], _task.Done);
        Assert.Empty(_task.Settled);
        Assert.Equal(2, _task.Grant("n2").Assignment!.Attempt);
    }

    [Fact]
    public void End_RetriedFailure_WaitsAgainForItsPause()
    {
        Granted(TaskBench.Spec with { Retry = new() { AnyFailure = true } });
        _task.Pass(50);
        _task.Take();

        _task.End(TaskBench.Report(cause: Causes.ProgramFailed) with { ExitCode = 1 });

        Assert.Equal(["save AttemptEnd", "happened AttemptEnded", "return +1"], _task.Done);
        Assert.InRange(_task.Stored!.NotBefore - _task.Now.Wall, S(0.5), S(1));
    }

    /// <summary>A clock that is set while it runs changes neither what is paid nor when it is over.</summary>
    [Theory]
    [InlineData(3000)]
    [InlineData(-3000)]
    public void End_ClockWasSetMeanwhile_IsPaidByTheMonotonicOne(double step)
    {
        Granted();
        _task.Started();
        _task.Pass(10);
        _task.StepClock(S(step));

        _task.End(TaskBench.Report());

        Assert.Equal(10_000, _task.Stored!.Attempts[0].RunMs);
    }

    /// <summary>In another process the moments bound it, believed to within an hour; the worker's figure says the rest.</summary>
    [Fact]
    public void End_HeardByAnotherProcess_IsPaidWhatTheWorkerSays()
    {
        Granted();
        _task.Pass(100);
        _task.Wake(elsewhere: true);
        _task.Pass(1);

        _task.End(TaskBench.Report(runMs: 90_000));

        Assert.Equal(90_000, _task.Stored!.Attempts[0].RunMs);
    }

    // ------------------------------------------------------------ lost, overdue

    [Fact]
    public void AttemptLost_Current_WaitsAgainAndIsPutBack()
    {
        Granted();
        _task.Run(_task.Machine.AttemptLost("n1", 1, Causes.NodeLost, true));

        Assert.Equal(["save AttemptEnd", "happened AttemptEnded", "return +0"], _task.Done);
        Assert.Equal((TaskState.Pending, Causes.NodeLost, true), (_task.Stored!.State, _task.Stored.Attempts[0].Cause, _task.Stored.Attempts[0].Counts));
        _task.Take();
        _task.Run(_task.Machine.AttemptLost("n1", 1, Causes.NodeLost, true)); // told again
        Assert.Empty(_task.Done);
    }

    /// <summary>It ends when it is told, not when the task was last spoken to.</summary>
    [Fact]
    public void AttemptLost_LongAfterTheLastWord_EndsNowAndPausesFromNow()
    {
        Granted();
        _task.Run(_task.Machine.AttemptLost("n1", 1, Causes.NodeLost, true));
        _task.Grant("n2");
        _task.Take();
        _task.Pass(500);

        _task.Run(_task.Machine.AttemptLost("n2", 2, Causes.NodeLost, true));

        Assert.Equal(_task.Now.Wall, _task.Stored!.Attempts[1].EndedAt);
        Assert.InRange(_task.Stored.NotBefore - _task.Now.Wall, S(0.5), S(1));
    }

    [Fact]
    public void AttemptLost_ItsWholeTimeIsOverByNow_IsTheEnd()
    {
        Granted(TaskBench.Spec with { TotalTimeout = S(100) });
        _task.Pass(101);

        _task.Run(_task.Machine.AttemptLost("n1", 1, Causes.NodeLost, true));

        Assert.Equal((TaskState.TimedOut, Causes.TotalTimeout), (_task.Stored!.State, _task.Stored.Outcome!.Reason));
        Assert.Equal(["save AttemptEnd", "happened AttemptEnded", "happened Ended", "settle"], _task.Done);
    }

    [Theory]
    [InlineData("n2", 1)]
    [InlineData("n1", 2)]
    public void AttemptLost_Another_ChangesNothing(string node, int attempt)
    {
        Granted();
        _task.Run(_task.Machine.AttemptLost(node, attempt, Causes.NodeLost, true));
        Assert.Empty(_task.Done);
    }

    [Fact]
    public void AttemptLost_WriteFails_NobodyIsToldAndItIsLostWhenToldAgain()
    {
        Granted();
        _task.Fail<SaveTask>(_task.Machine.AttemptLost("n1", 1, Causes.NodeLost, true));
        Assert.Empty(_task.Done);
        Assert.NotNull(_task.Machine.Record!.Current);

        _task.Wake(elsewhere: false);
        _task.Run(_task.Machine.AttemptLost("n1", 1, Causes.NodeLost, true));
        Assert.Equal(TaskState.Pending, _task.Stored!.State);
    }

    [Fact]
    public void Overdue_NotYetByWhatIsMeasuredHere_MayStillRun()
    {
        Granted();
        _task.Pass(329);
        Assert.False(Overdue(measured: false));
        Assert.Empty(_task.Done);
        _task.Pass(1);

        Assert.True(Overdue(measured: false));

        Assert.Equal(["happened Overdue", "save AttemptEnd", "happened AttemptEnded", "happened Ended", "settle"], _task.Done);
        Assert.Equal((TaskState.TimedOut, Causes.RunTimeout, 0L), (_task.Stored!.State, _task.Stored.Outcome!.Reason, _task.Stored.Attempts[0].DueMicros));
    }

    [Fact]
    public void Overdue_MeasuredByItsNode_IsOverThoughThisActivationKnowsItForASecond()
    {
        Granted();
        _task.Pass(400);
        _task.Wake(elsewhere: true);
        _task.Pass(1);
        Assert.False(Overdue(measured: false));
        Assert.True(Overdue(measured: true));
        Assert.Equal(TaskState.TimedOut, _task.Stored!.State);
    }

    [Theory]
    [InlineData("n2", 1)]
    [InlineData("n1", 2)]
    public void Overdue_Another_IsNotCurrentAnyMore(string node, int attempt)
    {
        Assert.True(Overdue(true, node, attempt)); // no task at all
        Granted();
        Assert.True(Overdue(true, node, attempt));
        Assert.Empty(_task.Done);
        Assert.Equal(TaskState.Assigned, _task.Stored!.State);
    }

    // ------------------------------------------------------------ cancel

    [Fact]
    public void Cancel_Waiting_IsDurableThenPaidThenTakenFromTheQueue()
    {
        _task.Submit();
        _task.Take();

        Assert.Equal(TaskState.Cancelled, _task.Cancel().State);

        Assert.Equal(["save Cancel", "happened Cancelled", "happened Ended", "settle", "withdraw"], _task.Done);
        Assert.Null(Assert.Single(_task.Events.OfType<TaskEvent.Cancelled>()).NodeId);
    }

    [Fact]
    public void Cancel_Running_IsDroppedAtItsNodeOnceThatIsDurable()
    {
        Granted();
        _task.Started();
        _task.Pass(6);
        _task.Take();

        var cancelled = _task.Cancel();

        Assert.Equal(["save Cancel", "happened Cancelled", "happened AttemptEnded", "happened Ended", "settle", "drop n1 1 CANCELLED"], _task.Done);
        Assert.Equal((6000, TimeSpan.Zero), (cancelled.Attempts[0].RunMs, _task.Stays));
        Assert.True(cancelled.CostMicros > 0);
        Assert.Equal("n1", Assert.Single(_task.Events.OfType<TaskEvent.Cancelled>()).NodeId);
    }

    [Fact]
    public void Cancel_Again_IsTheSameAndAfterAnotherEndRefused()
    {
        _task.Submit();
        _task.Cancel();
        _task.Take();
        Assert.Equal(TaskState.Cancelled, _task.Cancel().State);
        Assert.Empty(_task.Done);

        var ended = new TaskBench();
        ended.Submit();
        ended.Grant();
        ended.End(TaskBench.Report());
        ended.Take();
        Assert.Equal("TASK_ALREADY_ENDED", Assert.Throws<HiveMindException>(() => ended.Cancel()).Reason);
        Assert.Empty(ended.Done);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Cancel_WriteFails_NobodyIsToldAndTheCancelAgainIsTheEnd(bool isStored)
    {
        Granted();
        var reply = new Reply<TaskSnapshot>();
        _task.Fail<SaveTask>(_task.Machine.Cancel(reply), isStored);
        Assert.Throws<InvalidOperationException>(() => reply.Value);
        Assert.Empty(_task.Take());

        _task.Wake(elsewhere: false);

        Assert.Equal(TaskState.Cancelled, _task.Cancel().State);
        Assert.Equal(isStored, _task.Done.Count == 0);
        Assert.Equal(TaskExaminationKind.Ended, _task.Examine().Kind); // by which what was not told is made up for
        Assert.NotEmpty(_task.Settled);
    }

    [Fact]
    public void Cancel_NoSuchTask_IsNotFoundAndLeavesMemory()
    {
        Assert.Equal(FailureKind.NotFound, Assert.Throws<HiveMindException>(() => _task.Cancel()).Kind);
        Assert.True(_task.Left);
    }

    // ------------------------------------------------------------ expire

    [Fact]
    public void Expire_Due_EndsItAndTakesItFromTheQueue()
    {
        _task.Submit(Hasty);
        _task.Take();
        _task.Pass(30);

        Assert.Null(Expire(TimeSpan.Zero));

        Assert.Equal(["save Expiry", "happened Expired", "happened Ended", "settle", "withdraw"], _task.Done);
        Assert.Equal(Causes.QueueDeadline, Assert.Single(_task.Events.OfType<TaskEvent.Expired>()).Reason);
    }

    /// <summary>Whoever asks may have an old word of it: by that it would be held back for ever.</summary>
    [Fact]
    public void Expire_NotDue_SaysHowLongItMayWaitAndAnnouncesItAsItIs()
    {
        _task.Submit(Hasty);
        _task.Take();
        _task.Pass(20);

        Assert.Equal(S(10), Expire(TimeSpan.Zero));
        Assert.Equal(["announce"], _task.Take());
        Assert.Equal(TaskState.Pending, _task.Stored!.State);

        var patient = new TaskBench();
        patient.Submit();
        Assert.Equal(TimeSpan.MaxValue, patient.Ask<TimeSpan?>(reply => patient.Machine.Expire(TimeSpan.Zero, reply)));
    }

    /// <summary>Of another process's submit this one has known for a second; the scheduler has measured more.</summary>
    [Fact]
    public void Expire_BornInAnotherProcess_BelievesWhatTheSchedulerMeasured()
    {
        _task.Submit(Hasty);
        _task.Pass(40);
        _task.Wake(elsewhere: true);
        _task.Pass(1);
        _task.Take();

        Assert.Equal(S(29), Expire(TimeSpan.Zero));
        Assert.Null(Expire(S(30)));
        Assert.Equal(TaskState.TimedOut, _task.Stored!.State);
    }

    [Fact]
    public void Expire_NotWaiting_IsTakenFromTheQueue()
    {
        Granted();
        Assert.Null(Expire(TimeSpan.Zero));
        Assert.Equal(["withdraw"], _task.Take());
        Assert.False(_task.Left);

        var none = new TaskBench();
        Assert.Null(none.Ask<TimeSpan?>(reply => none.Machine.Expire(TimeSpan.Zero, reply)));
        Assert.Equal(["withdraw"], none.Done);
        Assert.True(none.Left);
    }

    [Fact]
    public void Expire_WriteFails_NobodyIsTold()
    {
        _task.Submit(Hasty);
        _task.Take();
        _task.Pass(31);
        _task.Fail<SaveTask>(_task.Machine.Expire(TimeSpan.Zero, new Reply<TimeSpan?>()));
        Assert.Empty(_task.Done);
        Assert.Equal(TaskState.Pending, _task.Machine.Record!.State);
    }

    // ------------------------------------------------------------ examine, erase

    [Fact]
    public void Examine_EachState_SaysWhatItsRecordDoes()
    {
        Assert.Equal(TaskExaminationKind.Missing, _task.Examine().Kind);
        Assert.True(_task.Left);
        _task.Submit();
        Assert.Equal(_task.Stored!.ToPending(TaskBench.Id), _task.Examine().Pending);
        _task.Grant();
        var found = _task.Examine();
        Assert.Equal((TaskExaminationKind.OnNode, "n1", 1), (found.Kind, found.NodeId, found.Assignment!.Attempt));
        Assert.Empty(_task.Settled);
        _task.Cancel();
        _task.Take();
        Assert.Equal(TaskExaminationKind.Ended, _task.Examine().Kind);
        Assert.Equal(["settle"], _task.Done); // once more: its settlement may have got lost
    }

    [Fact]
    public void Examine_ItsTimeToStartIsOver_EndsIt()
    {
        _task.Submit(Hasty);
        _task.Pass(31);
        _task.Take();
        Assert.Equal(TaskExaminationKind.Ended, _task.Examine().Kind);
        Assert.Equal(["save Expiry", "happened Expired", "happened Ended", "settle", "withdraw"], _task.Done);
    }

    /// <summary>Only one that was heard to run here; its node closes the others, uncounted.</summary>
    [Fact]
    public void Examine_OverdueAndHeardToRun_EndsItAndDropsItAtItsNode()
    {
        Granted();
        _task.Started();
        _task.Pass(329);
        _task.Take();
        Assert.Equal(TaskExaminationKind.OnNode, _task.Examine().Kind);
        Assert.Empty(_task.Done);
        _task.Pass(1);

        Assert.Equal(TaskExaminationKind.Ended, _task.Examine().Kind);

        Assert.Equal(["happened Overdue", "save AttemptEnd", "happened AttemptEnded", "happened Ended", "settle", "drop n1 1 RUN_TIMEOUT"], _task.Done);
    }

    [Fact]
    public void Examine_OverdueAndNotHeardToRun_IsLeftToItsNode()
    {
        Granted();
        _task.Pass(4000);
        Assert.Equal(TaskExaminationKind.OnNode, _task.Examine().Kind);
        Assert.Empty(_task.Done);
    }

    [Fact]
    public void Examine_OverdueThatIsRetried_WaitsAgain()
    {
        Granted(TaskBench.Spec with { Retry = new() { OnTimeout = true } });
        _task.Started();
        _task.Pass(330);

        Assert.Equal(TaskExaminationKind.Pending, _task.Examine().Kind);

        Assert.Contains("drop n1 1 RUN_TIMEOUT", _task.Done);
        Assert.Equal(2, _task.Grant("n2").Assignment!.Attempt);
    }

    [Fact]
    public void Snapshot_NoSuchTask_IsNothingAndLeavesMemory()
    {
        Assert.Null(_task.Machine.Snapshot(_task.Now));
        Assert.True(_task.Left);
        var known = new TaskBench(new TaskRecord { State = TaskState.Pending }); // erased: there is a row and no task
        Assert.Null(known.Machine.Record);
    }

    [Fact]
    public void Erase_OnlyWhatHasEnded()
    {
        _task.Submit();
        _task.Take();
        Assert.False(_task.Ask<bool>(_task.Machine.Erase));
        Assert.Empty(_task.Done);
        Assert.False(_task.Left);
        _task.Cancel();
        _task.Take();

        Assert.True(_task.Ask<bool>(_task.Machine.Erase));

        Assert.Equal(["erase"], _task.Take());
        Assert.Null(_task.Machine.Record);
        Assert.True(_task.Left);
        Assert.True(_task.Ask<bool>(_task.Machine.Erase));
        Assert.Empty(_task.Done); // nothing is there
    }

    [Fact]
    public void Erase_Fails_ItsRecordIsThereStill()
    {
        _task.Submit();
        _task.Cancel();
        _task.Fail<EraseTask>(_task.Machine.Erase(new Reply<bool>()));
        Assert.NotNull(_task.Machine.Record);
        Assert.False(_task.Left);
    }

    private void Granted(TaskSpec? spec = null)
    {
        _task.Submit(spec);
        _task.Grant();
        _task.Take();
    }

    private bool Overdue(bool measured, string node = "n1", int attempt = 1) => _task.Ask<bool>(reply => _task.Machine.Overdue(node, attempt, measured, reply));

    private TimeSpan? Expire(TimeSpan waited) => _task.Ask<TimeSpan?>(reply => _task.Machine.Expire(waited, reply));
}

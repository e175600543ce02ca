using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Simulation;

/// <summary>
/// The checks' own database of tasks and rooms, kept by what happened and compared with what the rules say: one terminal state that never
/// changes (I2, I8), grants that never overlap (I3), reserved ≤ capacity and released once (I6), attempts that end (I11).
/// </summary>
internal sealed partial class World
{
    private readonly Dictionary<TaskState, int> _states = [];
    private const int MostBeats = 2500;
    private int _born, _notEnded;
    /// <summary>When a task was last granted, ended or gone.</summary>
    private long _movedAt;

    private void Closed(SimTask task)
    {
        if (_pool.RemoveOpen(task)) _movedAt = _time.Ticks;
    }

    private void Booked(SimTask task)
    {
        _born++;
        _notEnded++;
        _states[task.Record!.State] = _states.GetValueOrDefault(task.Record.State) + 1;
    }

    /// <summary>The only way in which a record changes.</summary>
    private void Save(SimTask task, TaskRecord next)
    {
        if (task.Record is not { } before)
        {
            if (!task.InIndex) throw _env.Broken("I10", $"{task.Id} is born, and is not in the index");
            task.Record = next;
            Booked(task);
            AskWhenItMustHaveStarted(task);
            return;
        }
        if (task.Terminal is not null) throw _env.Broken(task.CancelAcknowledged ? "I8" : "I2", $"{task.Id} had ended as {task.Terminal.State} and became {next.State}");
        if (before.State != next.State && !TaskLifecycle.CanGo(before.State, next.State)) throw _env.Broken("I2", $"{task.Id} went from {before.State} to {next.State}");
        if (next.Attempts.Count == before.Attempts.Count + 1) Granted(task, next);
        else if (before.Current is not null) AttemptClosed(task, next);
        else if (!next.IsEnded) throw _env.Broken("I2", $"{task.Id} changed from {before.State} to {next.State} without an attempt or an end");

        _states[before.State]--;
        _states[next.State] = _states.GetValueOrDefault(next.State) + 1;
        task.Record = next;
        if (!next.IsEnded) return;
        if (next.Current is not null) throw _env.Broken("I2", $"{task.Id} has ended as {next.State} with attempt {next.Current.Number} open");
        task.Terminal = next;
        task.EndedAt = _movedAt = _time.Ticks;
        _notEnded--;
        Figures.Ended++;
        _userEnded[task.User] += Work(task);
    }

    private void Granted(SimTask task, TaskRecord next)
    {
        var grant = next.Current ?? throw _env.Broken("I3", $"the grant of {task.Id} opened no attempt");
        if (task.OpenAttempt != 0) throw _env.Broken("I3", $"attempt {grant.Number} of {task.Id} was granted to {grant.NodeId} while {Open(task)} is open");
        if (grant.Number != task.LastAttempt + 1) throw _env.Broken("I3", $"after attempt {task.LastAttempt} of {task.Id} came attempt {grant.Number}");
        // After a restart of the hub's process the age of what it did not see being submitted is not known to the second (ADR 36).
        if (task.MustStartBy is { } by && VirtualClock.TicksAt(grant.AssignedAt) >= by && next.Born.Process == _process) throw _env.Broken("Deadline", $"{task.Id} was to start by {TimeSpan.FromTicks(by):c} and was granted to {grant.NodeId}");
        task.LastAttempt = task.OpenAttempt = grant.Number;
        task.OpenNode = _pool.NodeOf(grant.NodeId).Number;
        if (task.FirstGrantAt < 0) task.FirstGrantAt = _time.Ticks;
        _movedAt = _time.Ticks;
        Figures.Grants++;
    }

    private void AttemptClosed(SimTask task, TaskRecord next)
    {
        if (next.Current is not null || next.Attempts.Count != task.LastAttempt) throw _env.Broken("I3", $"{task.Id} became {next.State} and {Open(task)} is still open");
        (task.Closed ??= []).Add((task.OpenAttempt, task.OpenNode));
        task.OpenAttempt = 0;
        task.OpenNode = -1;
        task.WaitsSince = _time.Ticks;
        var (counted, most) = (0, _plan.MaxAttempts);
        if (next.Spec!.Retry.MaxAttempts > 0) most = Math.Min(most, next.Spec.Retry.MaxAttempts);
        foreach (var attempt in next.Attempts)
            if (attempt.Counts) counted++;
        if (next.State == TaskState.Pending && counted >= most) throw _env.Broken("I11", $"{task.Id} waits again after {counted} of {most} attempts");
        if (counted > most) throw _env.Broken("I11", $"{task.Id} had {counted} of {most} attempts");
    }

    private static bool IsOpen(SimTask task, SimNode node, int attempt) => task.OpenAttempt == attempt && task.OpenNode == node.Number;

    private string Open(SimTask task) => task.OpenAttempt == 0 ? "none" : $"attempt {task.OpenAttempt} on {_pool.Nodes[task.OpenNode].Id}";

    // ------------------------------------------------------------ rooms

    /// <summary>What is free and what is held is all that there is. Less than nothing is free only where it shrank, or took up what it ran already.</summary>
    private void CheckRoom(SimNode node, NodeView? view)
    {
        if (view is null) return;
        var held = ResourceMath.Nothing;
        var ids = new HashSet<string>(view.Running.Count);
        foreach (var run in view.Running)
        {
            held = held.Plus(run.Resources);
            if (!ids.Add(run.TaskId)) throw _env.Broken("I6", $"{node.Id} holds {run.TaskId} twice");
        }
        if (held.Plus(view.Free) != view.Total) throw _env.Broken("I6", $"{node.Id} says {view.Free} are free of {view.Total}, and {held} are reserved");
        if (view.Total != node.SaidTotal) (node.SaidTotal, node.MayExceed) = (view.Total, true);
        if (!IsWithin(view.Free) && !node.MayExceed && view.Activation == $"{node.Activation}") throw _env.Broken("I6", $"{node.Id} reserved {held} of {view.Total}");
        if (IsWithin(node.Rules.Held.Free)) node.MayExceed = false;
    }

    private static bool IsWithin(ResourceRequest free) => free is { MilliCores: >= 0, MemoryMb: >= 0, Gpus: >= 0, DiskMb: >= 0 };

    /// <summary>Who is new here takes few tasks of others at first.</summary>
    private void CheckShare(SimNode node, int before)
    {
        var others = node.Rules.Held.CountBeside(node.OwnerId);
        if (others > before && node.Rules.Snapshot(_time.Instant)?.OthersAtOnce is { } share && others > share)
            throw _env.Broken("I14", $"{node.Id} holds {others} tasks of others and may hold {share}");
    }

    /// <summary>One word must not bring forth two: heartbeats that answer heartbeats do not multiply.</summary>
    private void CheckLoad(SimNode node)
    {
        if (_time.Ticks - node.BeatsSince > Ticks.Second) (node.BeatsSince, node.Beats) = (_time.Ticks, 0);
        if (++node.Beats > MostBeats) throw _env.Broken("Load", $"{node.Id} heard {MostBeats} heartbeats within a second");
    }

    /// <summary>What was dropped is dropped until it is gone, however often the word of it is lost: the run of an ended task dies.</summary>
    private void CheckUnwanted(SimNode node)
    {
        if (_plan.LosesMachines || _plan.LosesHubs || !node.Machine.Connected) return;
        foreach (var run in node.Machine.Runs)
        {
            if (run is not { Began: true, Gone: false, Outcome: null } || _pool.Tasks[run.Task] is not { Terminal: not null } ended) continue;
            if (_time.Ticks - ended.EndedAt > 2 * Ticks.Minute)
                throw _env.Broken("Drop", $"attempt {run.Attempt} of {ended.Id} still runs on {node.Id}, and its task ended {TimeSpan.FromTicks(_time.Ticks - ended.EndedAt):c} ago");
            Figures.Unwanted++;
        }
    }

    /// <summary>A program that runs is shown as one that runs, or its cancel would pay nobody.</summary>
    private void CheckStarts(SimNode node)
    {
        if (_plan.LosesMachines || _plan.LosesHubs || _plan.AskFails > 0 || !node.Machine.Connected) return;
        foreach (var run in node.Machine.Runs)
        {
            if (run is not { Began: true, Gone: false, Outcome: null } || _time.Ticks - run.BeganAt < Ticks.Minute || !IsOpen(_pool.Tasks[run.Task], node, run.Attempt)) continue;
            Figures.StartsChecked++;
            if (_pool.Tasks[run.Task].Rules.Snapshot(_time.Instant) is not { State: TaskState.Running }) throw _env.Broken("Start", $"attempt {run.Attempt} of {_pool.Tasks[run.Task].Id} runs on {node.Id}, and its task does not know it");
        }
    }

    /// <summary>The number is the fence: each start of a program has its own. A stream carries a push once; where it is doubled it may start twice.</summary>
    private void CheckBegins(SimTask task, SimNode node, int attempt)
    {
        if (_plan.Doubled > 0 || _plan.Lost > 0) return;
        if (task.Begun?.Contains(attempt) == true) throw _env.Broken("I3", $"attempt {attempt} of {task.Id} begins on {node.Id}, and it had begun before");
        (task.Begun ??= []).Add(attempt);
    }

    // ------------------------------------------------------------ the whole

    private void Audit()
    {
        var sum = 0;
        foreach (var (state, count) in _states)
        {
            if (count < 0) throw _env.Broken("Conservation", $"{count} tasks are {state}");
            sum += count;
        }
        if (sum != _born) throw _env.Broken("Conservation", $"{_born} tasks were born and {sum} are somewhere");
        if (_schedulerUp && _core.Counts.Pending != _inQueue)
            throw _env.Broken("Conservation", $"the scheduler counts {_core.Counts.Pending} waiting tasks, {_inQueue} were given to it and not taken out");
        var some = _pool.Nodes[_chance.Below(_pool.Nodes.Length)];
        CheckUnwanted(some);
        CheckStarts(some);
        if (_pool.Tasks.Count == 0) return;
        var one = _pool.Tasks[_chance.Below(_pool.Tasks.Count)];
        if (one.Terminal is { } terminal && !ReferenceEquals(terminal, one.Record)) throw _env.Broken("I2", $"{one.Id} had ended as {terminal.State} and is {one.Record?.State}");
        if (one is { Terminal: null, OpenAttempt: 0, Record: not null, MustStartBy: { } by } && _time.Ticks > by + 2 * _plan.SweepEvery + 10 * Ticks.Second && !_plan.LosesHubs && _schedulerUp && !_plan.LosesSchedulers)
            throw _env.Broken("Deadline", $"{one.Id} was to start by {TimeSpan.FromTicks(by):c} and still waits");
        if (one.CancelAcknowledged && one.Record!.State != TaskState.Cancelled) throw _env.Broken("I8", $"the cancel of {one.Id} was answered and it is {one.Record.State}");
        if (_schedulerUp && one.InQueue != _core.Knows(one.Id)) throw _env.Broken("Conservation", $"{one.Id} {(one.InQueue ? "was given to the scheduler, which does not know it" : "left the scheduler, which still knows it")}");
    }
}

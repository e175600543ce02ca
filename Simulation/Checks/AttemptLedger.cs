using HiveMind.Nodes;
using HiveMind.Tasks;

namespace HiveMind.Simulation;

/// <summary>
/// The checks' own account of tasks and attempts, kept by what happened and compared with what the rules say: one terminal state that never
/// changes (I2, I8), grants that never overlap (I3), words that count only for the open attempt (I4), attempts that end (I11).
/// </summary>
internal sealed class AttemptLedger(SimEnvironment env, SimPool pool, WaitBounds bounds)
{
    private readonly Dictionary<TaskState, int> _states = [];
    private int _born;

    /// <summary>When a task was last granted, ended or gone.</summary>
    public long MovedAt { get; private set; }

    public void Moved() => MovedAt = env.Time.Ticks;

    /// <summary>It has ended and is in the index no more, or was never born.</summary>
    public void Left(SimTask task)
    {
        if (pool.RemoveOpen(task)) Moved();
    }

    /// <summary>The only way in which a record changes.</summary>
    public void Save(SimTask task, TaskRecord next)
    {
        if (task.Record is not { } before)
        {
            if (!task.InIndex) throw env.Broken("I10", $"{task.Id} is born, and is not in the index");
            task.Record = next;
            _born++;
            _states[next.State] = _states.GetValueOrDefault(next.State) + 1;
            bounds.Born(task);
            return;
        }
        if (task.Terminal is not null) throw env.Broken(task.CancelAcknowledged ? "I8" : "I2", $"{task.Id} had ended as {task.Terminal.State} and became {next.State}");
        if (before.State != next.State && !TaskLifecycle.CanGo(before.State, next.State)) throw env.Broken("I2", $"{task.Id} went from {before.State} to {next.State}");
        if (next.Attempts.Count == before.Attempts.Count + 1) Granted(task, next);
        else if (before.Current is not null) AttemptClosed(task, next);
        else if (!next.IsEnded) throw env.Broken("I2", $"{task.Id} changed from {before.State} to {next.State} without an attempt or an end");

        _states[before.State]--;
        _states[next.State] = _states.GetValueOrDefault(next.State) + 1;
        task.Record = next;
        if (!next.IsEnded) return;
        if (next.Current is not null) throw env.Broken("I2", $"{task.Id} has ended as {next.State} with attempt {next.Current.Number} open");
        task.Terminal = next;
        task.EndedAt = MovedAt = env.Time.Ticks;
        env.Figures.Ended++;
        bounds.Ended(task);
    }

    private void Granted(SimTask task, TaskRecord next)
    {
        var grant = next.Current ?? throw env.Broken("I3", $"the grant of {task.Id} opened no attempt");
        if (task.OpenAttempt != 0) throw env.Broken("I3", $"attempt {grant.Number} of {task.Id} was granted to {grant.NodeId} while {OpenOf(task)} is open");
        if (grant.Number != task.LastAttempt + 1) throw env.Broken("I3", $"after attempt {task.LastAttempt} of {task.Id} came attempt {grant.Number}");
        // After a restart of the hub's process the age of what it did not see being submitted is not known to the second (ADR 36).
        if (task.MustStartBy is { } by && VirtualClock.TicksAt(grant.AssignedAt) >= by && next.Born.Process == env.HubProcess) throw env.Broken("Deadline", $"{task.Id} was to start by {TimeSpan.FromTicks(by):c} and was granted to {grant.NodeId}");
        task.LastAttempt = task.OpenAttempt = grant.Number;
        task.OpenNode = pool.NodeOf(grant.NodeId).Number;
        if (task.FirstGrantAt < 0) task.FirstGrantAt = env.Time.Ticks;
        Moved();
        env.Figures.Grants++;
    }

    private void AttemptClosed(SimTask task, TaskRecord next)
    {
        if (next.Current is not null || next.Attempts.Count != task.LastAttempt) throw env.Broken("I3", $"{task.Id} became {next.State} and {OpenOf(task)} is still open");
        CheckLost(task, next.Attempts[^1]);
        (task.Closed ??= []).Add((task.OpenAttempt, task.OpenNode));
        task.OpenAttempt = 0;
        task.OpenNode = -1;
        task.WaitsSince = env.Time.Ticks;
        var (counted, most) = (0, env.Plan.MaxAttempts);
        if (next.Spec!.Retry.MaxAttempts > 0) most = Math.Min(most, next.Spec.Retry.MaxAttempts);
        foreach (var attempt in next.Attempts)
            if (attempt.Counts) counted++;
        if (next.State == TaskState.Pending && counted >= most) throw env.Broken("I11", $"{task.Id} waits again after {counted} of {most} attempts");
        if (counted > most) throw env.Broken("I11", $"{task.Id} had {counted} of {most} attempts");
    }

    /// <summary>Silence is what ends a lease: who was answered within it has not been silent, and runs on beside the attempt that follows.</summary>
    private void CheckLost(SimTask task, AttemptRecord lost)
    {
        if (lost is not { Cause: Causes.NodeLost, Counts: true }) return;
        var machine = pool.Nodes[task.OpenNode].Machine;
        if (machine.Find(task.Number, lost.Number) is not { Began: true, Gone: false, Outcome: null } || machine.RenewedAt + env.Plan.WorkerLease <= env.Time.Ticks) return;
        throw env.Broken("Lease", $"attempt {lost.Number} of {task.Id} is lost by the silence of {pool.Nodes[task.OpenNode].Id}, which runs it and was answered {TimeSpan.FromTicks(env.Time.Ticks - machine.RenewedAt):c} ago");
    }

    public static bool IsOpen(SimTask task, SimNode node, int attempt) => task.OpenAttempt == attempt && task.OpenNode == node.Number;

    private string OpenOf(SimTask task) => task.OpenAttempt == 0 ? "none" : $"attempt {task.OpenAttempt} on {pool.Nodes[task.OpenNode].Id}";

    public static bool IsClosed(SimTask task, SimNode node, int attempt) => task.Closed?.Contains((attempt, node.Number)) == true;

    /// <summary>What a node was answered about a grant that it asked for.</summary>
    public void CheckGrant(SimTask task, SimNode node, GrantResult? answer)
    {
        if (answer?.Assignment is { } granted && task.LastAttempt < granted.Attempt)
            throw env.Broken("I1", $"attempt {granted.Attempt} of {task.Id} is granted to {node.Id}, and {task.LastAttempt} is the last that is stored");
    }

    /// <summary>A start has counted. While the end of it is being written, its activation does not know yet what is stored; the start that it hears is forgotten with that.</summary>
    public void CheckStart(SimTask task, SimNode node, int attempt)
    {
        if (!IsOpen(task, node, attempt) && task.Exclusive?.Steps.Current is not SaveTask) throw env.Broken("I4", $"the start of attempt {attempt} of {task.Id} on {node.Id} counted, and {OpenOf(task)} is open");
    }

    /// <summary>An end was accepted; whether its attempt was open when its turn came.</summary>
    public void CheckEnd(SimTask task, SimNode node, int attempt, bool wasOpen)
    {
        if (!wasOpen && !IsClosed(task, node, attempt)) throw env.Broken("I4", $"the end of attempt {attempt} of {task.Id} on {node.Id} was accepted, and {OpenOf(task)} is open");
    }

    /// <summary>A node, or the sweep, takes an attempt for lost.</summary>
    public void CheckLoss(SimTask task, SimNode node, LostAttempt lost)
    {
        if (task.Record is not { } record || !TaskLifecycle.IsCurrent(record, node.Id, lost.Attempt)) return;
        if (!IsOpen(task, node, lost.Attempt)) throw env.Broken("I4", $"attempt {lost.Attempt} of {task.Id} on {node.Id} was taken for lost, and {OpenOf(task)} is open");
        if ((env.Plan.IsCalm || env.Plan.OnlyTheHubFails) && lost.Counts) throw env.Broken("I3", $"attempt {lost.Attempt} of {task.Id} on {node.Id} was taken for lost ({lost.Cause}) where {(env.Plan.IsCalm ? "nothing" : "only the hub")} fails");
        env.Figures.Lost++;
    }

    /// <summary>Every task is in one state.</summary>
    public void CheckStates()
    {
        var sum = 0;
        foreach (var (state, count) in _states)
        {
            if (count < 0) throw env.Broken("Conservation", $"{count} tasks are {state}");
            sum += count;
        }
        if (sum != _born) throw env.Broken("Conservation", $"{_born} tasks were born and {sum} are somewhere");
    }
}

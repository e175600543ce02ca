using HiveMind.Nodes;
using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Simulation;

/// <summary>Carries the tasks' machines, which are the product's own: calls, activations, effects.</summary>
internal sealed partial class World
{
    /// <summary>Of the hub's process: what one reads off its clock says nothing to another.</summary>
    private long _process = 1;

    private void Activate(SimTask task)
    {
        task.Activation++;
        task.Rules = new TaskMachine(task.Id, task.Record, _policy, _process, _time.Instant, new TaskEffects(this, task));
    }

    private void Restart(SimTask task) => Lose(task, () => Activate(task), wait =>
    {
        if (wait is SaveTask { Why: not SaveTaskOf.Birth } save) Save(task, save.Next);
    });

    private void TaskGrainLost()
    {
        if (_pool.Open.Count > 0) Restart(_pool.Open[_chance.Below(_pool.Open.Count)]);
        FaultAgain(EventKind.TaskGrainLost, _plan.TaskGrainLosses);
    }

    private void EnterIndexOf(SimTask task)
    {
        if (task.InIndex) return;
        task.InIndex = true;
        _pool.AddOpen(task);
    }

    private void Grant(SimTask task, SimNode node, AskGrants grants, int part, SimCommand asking)
    {
        var reply = new Reply<GrantResult>();
        Run(task, task.Rules.Grant(node.Id, node.OwnerId, grants.Epoch, reply), isExclusive: true, refused =>
        {
            grants.Answers[part] = refused is null ? reply.Value : null;
            if (grants.Answers[part]?.Assignment is { } granted && task.LastAttempt < granted.Attempt)
                throw _env.Broken("I1", $"attempt {granted.Attempt} of {task.Id} is granted to {node.Id}, and {task.LastAttempt} is the last that is stored");
            Answered(asking);
        }, () => Answered(asking));
    }

    private bool Started(SimTask task, SimNode node, int attempt)
    {
        if (!task.Rules.Started(node.Id, attempt, _time.Instant)) return false;
        // While the end of it is being written, its activation does not know yet what is stored; the start that it hears is forgotten with that.
        if (!IsOpen(task, node, attempt) && task.Exclusive?.Steps.Current is not SaveTask) throw _env.Broken("I4", $"the start of attempt {attempt} of {task.Id} on {node.Id} counted, and {Open(task)} is open");
        return true;
    }

    private void End(SimNode node, RecordEnds ends, int part, SimCommand asking)
    {
        var report = ends.Reports[part];
        var task = _pool.TaskOf(report.TaskId);
        var reply = new Reply<ReportVerdict>();
        var wasOpen = false;
        Run(task, First(() => wasOpen = IsOpen(task, node, report.Attempt), () => task.Rules.End(node.Id, report, reply)), isExclusive: true, refused =>
        {
            if (refused is null && reply.Value.Kind == ReportVerdictKind.Accepted && !wasOpen && !IsClosed(task, node, report.Attempt))
                throw _env.Broken("I4", $"the end of attempt {report.Attempt} of {task.Id} on {node.Id} was accepted, and {Open(task)} is open");
            ends.Verdicts[part] = refused is null ? reply.Value : null;
            Answered(asking);
        }, () => Answered(asking));
    }

    private static bool IsClosed(SimTask task, SimNode node, int attempt) => task.Closed?.Contains((attempt, node.Number)) == true;

    private void Lost(LostAttempt lost, SimNode node, Action<bool> told)
    {
        var task = _pool.TaskOf(lost.TaskId);
        var reply = new Reply<bool>();
        var steps = First(() => CheckLoss(task, node, lost), () => lost.Cause == Causes.RunTimeout
            ? task.Rules.Overdue(node.Id, lost.Attempt, measured: true, reply) : task.Rules.AttemptLost(node.Id, lost.Attempt, lost.Cause, lost.Counts));
        Run(task, steps, isExclusive: true, refused => told(refused is null && (lost.Cause != Causes.RunTimeout || reply.Value)), () => told(false));
    }

    private void CheckLoss(SimTask task, SimNode node, LostAttempt lost)
    {
        if (task.Record is not { } record || !TaskLifecycle.IsCurrent(record, node.Id, lost.Attempt)) return;
        if (!IsOpen(task, node, lost.Attempt)) throw _env.Broken("I4", $"attempt {lost.Attempt} of {task.Id} on {node.Id} was taken for lost, and {Open(task)} is open");
        if ((_plan.IsCalm || _plan.OnlyTheHubFails) && lost.Counts) throw _env.Broken("I3", $"attempt {lost.Attempt} of {task.Id} on {node.Id} was taken for lost ({lost.Cause}) where {(_plan.IsCalm ? "nothing" : "only the hub")} fails");
        Figures.Lost++;
    }

    private void ExpireAsked(SimTask task, int incarnation)
    {
        var reply = new Reply<TimeSpan?>();
        Run(task, task.Rules.Expire(default, reply), isExclusive: true, refused =>
        {
            if (refused is null && reply.Value is null) _network.Send(EventKind.ExpireAnswered, task.Number, incarnation);
        });
    }

    /// <summary>Settled in the database: the index forgets it. Until then it is there, so the index holds more than what is open.</summary>
    private void LeaveIndex(SimTask task)
    {
        task.InIndex = false;
        if (task.Terminal is not null || task.Record is null) Closed(task);
    }

    /// <summary>When its turn has come, and not when it was called.</summary>
    private static IEnumerable<Effect> First(Action look, Func<IEnumerable<Effect>> steps)
    {
        look();
        foreach (var wait in steps()) yield return wait;
    }

    private sealed class TaskEffects(World world, SimTask task) : ITaskEffects
    {
        public void Settle(TaskRecord ended) => world._network.Call(EventKind.LeaveIndex, task.Number);

        public void Stay(TimeSpan time)
        {
        }

        public void Leave()
        {
        }

        public void Happened(TaskEvent what)
        {
            switch (what)
            {
                case TaskEvent.Cancelled: world.Figures.Cancelled++; break;
                case TaskEvent.Expired:
                    world.Figures.Expired++;
                    if (task.Terminal is null) throw world._env.Broken("I1", $"{task.Id} was not started in time, which is told and not stored");
                    break;
            }
        }
    }
}

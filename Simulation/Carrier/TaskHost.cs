using HiveMind.Nodes;
using HiveMind.Rewards;
using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Simulation;

/// <summary>Carries the tasks' machines, which are the product's own: calls, activations, effects. With the index of the tasks that are open.</summary>
internal sealed class TaskHost(SimEnvironment env, Network network, Stores stores, CommandCarrier carrier, SimPool pool, AttemptLedger attempts, SchedulerHost scheduler) : IEffectHandler
{
    private readonly TaskPolicy _policy = new(RewardRates.From(new RewardOptions()), env.Plan.MaxAttempts, env.Plan.CrashLimit);

    public void Handle(in SimEvent what)
    {
        var task = pool.Tasks[what.A];
        switch (what.Kind)
        {
            case EventKind.Expire: ExpireAsked(task, what.B); break;
            case EventKind.LeaveIndex: LeaveIndex(task); break;
            default: throw what.Unhandled();
        }
    }

    // ------------------------------------------------------------ activations

    public void Activate(SimTask task)
    {
        task.Activation++;
        task.Rules = new TaskMachine(task.Id, task.Record, _policy, env.HubProcess, env.Time.Instant, new Pushes(env, network, task));
    }

    public void Restart(SimTask task) => carrier.Lose(task, () => Activate(task), wait =>
    {
        if (wait is SaveTask { Why: not SaveTaskOf.Birth } save) attempts.Save(task, save.Next);
    });

    // ------------------------------------------------------------ calls

    public void EnterIndex(SimTask task)
    {
        if (task.InIndex) return;
        task.InIndex = true;
        pool.AddOpen(task);
    }

    public void Grant(SimTask task, SimNode node, AskGrants grants, int part, SimCommand asking)
    {
        var reply = new Reply<GrantResult>();
        carrier.Run(task, task.Rules.Grant(node.Id, node.OwnerId, grants.Epoch, reply), isExclusive: true, refused =>
        {
            grants.Answers[part] = refused is null ? reply.Value : null;
            attempts.CheckGrant(task, node, grants.Answers[part]);
            carrier.Answered(asking);
        }, () => carrier.Answered(asking));
    }

    public bool Started(SimTask task, SimNode node, int attempt)
    {
        if (!task.Rules.Started(node.Id, attempt, env.Time.Instant)) return false;
        attempts.CheckStart(task, node, attempt);
        return true;
    }

    public void End(SimNode node, RecordEnds ends, int part, SimCommand asking)
    {
        var report = ends.Reports[part];
        var task = pool.TaskOf(report.TaskId);
        var reply = new Reply<ReportVerdict>();
        var wasOpen = false;
        carrier.Run(task, First(() => wasOpen = AttemptLedger.IsOpen(task, node, report.Attempt), () => task.Rules.End(node.Id, report, reply)), isExclusive: true, refused =>
        {
            if (refused is null && reply.Value.Kind == ReportVerdictKind.Accepted) attempts.CheckEnd(task, node, report.Attempt, wasOpen);
            ends.Verdicts[part] = refused is null ? reply.Value : null;
            carrier.Answered(asking);
        }, () => carrier.Answered(asking));
    }

    public void Lost(LostAttempt lost, SimNode node, Action<bool> told)
    {
        var task = pool.TaskOf(lost.TaskId);
        var reply = new Reply<bool>();
        var steps = First(() => attempts.CheckLoss(task, node, lost), () => lost.Cause == Causes.RunTimeout
            ? task.Rules.Overdue(node.Id, lost.Attempt, measured: true, reply) : task.Rules.AttemptLost(node.Id, lost.Attempt, lost.Cause, lost.Counts));
        carrier.Run(task, steps, isExclusive: true, refused => told(refused is null && (lost.Cause != Causes.RunTimeout || reply.Value)), () => told(false));
    }

    private void ExpireAsked(SimTask task, int incarnation)
    {
        var reply = new Reply<TimeSpan?>();
        carrier.Run(task, task.Rules.Expire(default, reply), isExclusive: true, refused =>
        {
            if (refused is null && reply.Value is null) network.Send(EventKind.ExpireAnswered, task.Number, incarnation);
        });
    }

    /// <summary>Settled in the database: the index forgets it. Until then it is there, so the index holds more than what is open.</summary>
    public void LeaveIndex(SimTask task)
    {
        task.InIndex = false;
        if (task.Terminal is not null || task.Record is null) attempts.Left(task);
    }

    /// <summary>When its turn has come, and not when it was called.</summary>
    private static IEnumerable<Effect> First(Action look, Func<IEnumerable<Effect>> steps)
    {
        look();
        foreach (var wait in steps()) yield return wait;
    }

    // ------------------------------------------------------------ effects

    /// <summary>What a task's command waits for.</summary>
    public void Do(SimCommand command, Effect wait, int part)
    {
        var task = (SimTask)command.Actor;
        switch (wait)
        {
            case SaveTask { Why: SaveTaskOf.Birth } when env.GoesWrong(env.Plan.OrphanShare):
                Restart(task); // the submit died between the index and the birth
                return;
            case SaveTask save when stores.WriteFails():
                if (env.Chance.Chance(0.5)) attempts.Save(task, save.Next);
                command.Missing = 0;
                Restart(task);
                return;
            case SaveTask save: attempts.Save(task, save.Next); break;
            case EnterIndex _: EnterIndex(task); break;
            case Hint when network.Loses(): break;
            case Announce announce: scheduler.EnqueueArrives(task, announce.Task); break;
            case Return back:
                (task.Mark, task.Entry) = (-1, back.Task);
                scheduler.EnqueueArrives(task, back.Task);
                break;
            case Withdraw: scheduler.RemoveArrives(task); break;
            case DropAttempt drop: pool.NodeOf(drop.NodeId).Rules.Drop(task.Id, drop.Attempt, drop.Cause, env.Time.Instant); break;
        }
        carrier.Answered(command);
    }

    /// <summary>What no command waits for.</summary>
    private sealed class Pushes(SimEnvironment env, Network network, SimTask task) : ITaskEffects
    {
        public void Settle(TaskRecord ended) => network.Call(EventKind.LeaveIndex, task.Number);

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
                case TaskEvent.Cancelled: env.Figures.Cancelled++; break;
                case TaskEvent.Expired:
                    env.Figures.Expired++;
                    if (task.Terminal is null) throw env.Broken("I1", $"{task.Id} was not started in time, which is told and not stored");
                    break;
            }
        }
    }
}

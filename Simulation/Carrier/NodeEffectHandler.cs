using HiveMind.Nodes;
using HiveMind.Tasks;

namespace HiveMind.Simulation;

/// <summary>Does what the commands of nodes wait for.</summary>
internal sealed class NodeEffectHandler(
    SimEnvironment env, Network network, Stores stores, CommandCarrier carrier, SimPool pool, NodeHost nodes, TaskHost tasks, SchedulerHost scheduler) : IEffectHandler
{
    public void Do(SimCommand command, Effect wait, int part)
    {
        var node = (SimNode)command.Actor;
        switch (wait)
        {
            case SaveNode save when stores.WriteFails():
                if (env.Chance.Chance(0.5)) node.Stored = save.Next;
                command.Missing = 0;
                nodes.Restart(node);
                return;
            case SaveNode save: node.Stored = save.Next; break;
            case ForgetNode forget:
                node.Stored = forget.Kept;
                if (forget.Kept is null) node.LastEpoch = -1; // nothing is left of it: it begins anew
                break;
            case AskPast past: past.HasPast = env.Chance.Chance(0.5); break;
            case AskOwner owner: (owner.IsActive, owner.HasAnswered) = stores.AskFails() ? ((bool?)null, false) : (true, true); break;
            case MarkTasks mark:
                mark.IsMarked = !stores.WriteFails();
                if (mark.IsMarked)
                    foreach (var id in mark.TaskIds) pool.TaskOf(id).Mark = node.Number;
                break;
            case AskGrants grants:
                tasks.Grant(pool.TaskOf(grants.Tasks[part].TaskId), node, grants, part, command);
                return;
            case FindOpen find: find.Found = stores.AskFails() ? null : Open(find.TaskIds); break;
            case ExamineTasks examine when stores.AskFails(): break;
            case ExamineTasks examine:
                var found = new Reply<TaskExamination>();
                var asked = pool.TaskOf(examine.Asked[part].TaskId);
                carrier.Run(asked, asked.Rules.Examine(found), isExclusive: true, refused =>
                {
                    examine.Answers[part] = refused is null ? found.Value : null;
                    carrier.Answered(command);
                }, () => carrier.Answered(command));
                return;
            case TellStarts starts: starts.IsCurrent[part] = stores.AskFails() ? null : tasks.Started(pool.TaskOf(starts.Started[part].TaskId), node, starts.Started[part].Attempt); break;
            case TellLosses when network.Loses(): break;
            case TellLosses losses:
                tasks.Lost(losses.Lost[part], node, isTold =>
                {
                    losses.IsTold[part] = isTold;
                    carrier.Answered(command);
                });
                return;
            case RecordEnds ends:
                tasks.End(node, ends, part, command);
                return;
            case TellScheduler when network.Loses(): break;
            case TellScheduler tell:
                scheduler.ViewArrives(node, tell.View);
                break;
        }
        carrier.Answered(command);
    }

    /// <summary>Of the tasks with these names, those that are in the index, and the node that may hold them.</summary>
    private Dictionary<string, string?> Open(IReadOnlyList<string> ids)
    {
        var open = new Dictionary<string, string?>(ids.Count);
        foreach (var id in ids)
            if (pool.TaskOf(id) is { InIndex: true } task) open[id] = task.Mark >= 0 ? pool.Nodes[task.Mark].Id : null;
        return open;
    }
}

using HiveMind.Scheduling;

namespace HiveMind.Simulation;

/// <summary>A node reserves what it has, and gives back once: reserved ≤ capacity (I6).</summary>
internal sealed class RoomChecks(SimEnvironment env)
{
    /// <summary>What is free and what is held is all that there is. Less than nothing is free only where it shrank, or took up what it ran already.</summary>
    public void Check(SimNode node, NodeView? view)
    {
        if (view is null) return;
        var held = ResourceMath.Nothing;
        var ids = new HashSet<string>(view.Running.Count);
        foreach (var run in view.Running)
        {
            held = held.Plus(run.Resources);
            if (!ids.Add(run.TaskId)) throw env.Broken("I6", $"{node.Id} holds {run.TaskId} twice");
        }
        if (held.Plus(view.Free) != view.Total) throw env.Broken("I6", $"{node.Id} says {view.Free} are free of {view.Total}, and {held} are reserved");
        if (view.Total != node.SaidTotal) (node.SaidTotal, node.MayExceed) = (view.Total, true);
        if (!IsWithin(view.Free) && !node.MayExceed && view.Activation == $"{node.Activation}") throw env.Broken("I6", $"{node.Id} reserved {held} of {view.Total}");
        if (IsWithin(node.Rules.Held.Free)) node.MayExceed = false;
    }

    private static bool IsWithin(ResourceRequest free) => free is { MilliCores: >= 0, MemoryMb: >= 0, Gpus: >= 0, DiskMb: >= 0 };

    /// <summary>Who is new here takes few tasks of others at first.</summary>
    public void CheckShare(SimNode node, int before)
    {
        var others = node.Rules.Held.CountBeside(node.OwnerId);
        if (others > before && node.Rules.Snapshot(env.Time.Instant)?.OthersAtOnce is { } share && others > share)
            throw env.Broken("I14", $"{node.Id} holds {others} tasks of others and may hold {share}");
    }
}

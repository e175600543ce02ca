using System.Globalization;
using System.Runtime.InteropServices;

namespace HiveMind.Simulation;

/// <summary>All nodes and tasks of a world, by number and by name.</summary>
internal sealed class SimPool
{
    private readonly WorldPlan _plan;
    private readonly bool[,] _runs;
    private readonly List<SimTask> _open = [];

    public SimPool(WorldPlan plan)
    {
        _plan = plan;
        Nodes = new SimNode[plan.Nodes.Count];
        _runs = new bool[plan.Nodes.Count, plan.Shapes.Count];
        for (var node = 0; node < plan.Nodes.Count; node++)
            foreach (var shape in plan.Shapes) _runs[node, shape.Number] = plan.Runs(plan.Nodes[node], shape);
    }

    public SimNode[] Nodes { get; }
    public List<SimTask> Tasks { get; } = [];
    /// <summary>Tasks that have not ended or are still in the index, in no order.</summary>
    public ReadOnlySpan<SimTask> Open => CollectionsMarshal.AsSpan(_open);

    public SimTask TaskOf(string id) => Tasks[int.Parse(id.AsSpan(1), CultureInfo.InvariantCulture)];

    public SimNode NodeOf(string id) => Nodes[int.Parse(id.AsSpan(1), CultureInfo.InvariantCulture)];

    public void AddOpen(SimTask task)
    {
        if (task.OpenPlace >= 0) return;
        task.OpenPlace = _open.Count;
        _open.Add(task);
    }

    /// <summary>False: it was not open.</summary>
    public bool RemoveOpen(SimTask task)
    {
        if (task.OpenPlace < 0) return false;
        var last = _open[^1];
        _open[task.OpenPlace] = last;
        last.OpenPlace = task.OpenPlace;
        _open.RemoveAt(_open.Count - 1);
        task.OpenPlace = -1;
        return true;
    }

    /// <summary>The node, empty and whole, would run such a task.</summary>
    public bool Runs(SimNode node, TaskShape shape) => _runs[node.Number, shape.Number];

    /// <summary>Some node may run it, and its account's quota allows it.</summary>
    public bool MayEverRun(SimTask task)
    {
        var quota = _plan.Scheduling.OfRole(_plan.Users[task.User].Role);
        return _plan.IsFeasible(task.Shape, task.User) && (quota.MaxCores <= 0 || task.Shape.Resources.MilliCores <= quota.MaxCores * 1000);
    }
}

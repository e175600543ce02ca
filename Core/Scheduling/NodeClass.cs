namespace HiveMind.Scheduling;

/// <summary>
/// Nodes that are the same but for their size: the same task types, the same labels, the same owner's rule, GPUs or none. What is feasible is found
/// out once for a class and not for each node (as Nomad's computed node class does). Labels of single nodes (`node.`) are left out.
/// </summary>
internal sealed class NodeClass
{
    private readonly HashSet<string> _types;
    private readonly List<NodeSlot?> _slots = [];
    private readonly Stack<int> _holes = [];

    public NodeClass(string key, NodeView view)
    {
        Key = key;
        _types = [.. view.TaskTypes];
        Labels = new Dictionary<string, string>(view.Labels.Where(label => !IsOfOneNode(label.Key)));
        OwnerOnly = view.AcceptsStrangers ? null : view.OwnerId;
        HasGpu = view.Total.Gpus > 0;
    }

    public string Key { get; }
    public IReadOnlyDictionary<string, string> Labels { get; }
    /// <summary>Whose tasks alone they take; null: anyone's.</summary>
    public string? OwnerOnly { get; }
    public bool HasGpu { get; }
    /// <summary>What is free on each.</summary>
    public FitTree Room { get; } = new();
    /// <summary>What each could hold if it were empty.</summary>
    public FitTree Sizes { get; } = new();
    public int Count { get; private set; }
    /// <summary>Slots by leaf, with holes.</summary>
    public IReadOnlyList<NodeSlot?> Slots => _slots;
    /// <summary>The shapes that run here but for the room.</summary>
    public ShapeSet Shapes { get; } = new();
    /// <summary>Where the next search begins, so that a large class is gone through in turn.</summary>
    public int Cursor { get; set; }

    /// <summary>What the hub knows of a single machine: hardly two have the same.</summary>
    public static bool IsOfOneNode(string label) =>
        label.StartsWith("node.", StringComparison.Ordinal) || label.StartsWith("machine.", StringComparison.Ordinal);

    public bool RunsType(string taskType) => _types.Contains(taskType);

    public static string KeyOf(NodeView view) => string.Join('\n',
        [
            view.AcceptsStrangers ? "" : view.OwnerId, view.Total.Gpus > 0 ? "gpu" : "", string.Join(',', view.TaskTypes.Order(StringComparer.Ordinal)),
            .. view.Labels.Where(label => !IsOfOneNode(label.Key))
                .Select(label => $"{label.Key}={label.Value}").Order(StringComparer.Ordinal),
        ]);

    public void Join(NodeSlot slot)
    {
        slot.Class = this;
        slot.Leaf = _holes.TryPop(out var hole) ? hole : _slots.Count;
        if (slot.Leaf == _slots.Count) _slots.Add(slot);
        else _slots[slot.Leaf] = slot;
        Count++;
    }

    public void Quit(NodeSlot slot)
    {
        Sizes.Set(slot.Leaf, null);
        _slots[slot.Leaf] = null;
        _holes.Push(slot.Leaf);
        slot.Class = null;
        Count--;
    }
}

namespace HiveMind.Scheduling;

/// <summary>
/// The free room of many nodes, kept so that the next node on which a request fits is found without asking those on which it does not: a
/// tournament tree in which every branch knows the largest of each resource below it. A branch that cannot hold the request is skipped whole; one that
/// could but does not (one node has the cores, its neighbour the memory) is entered in vain. Changing one node costs O(log n).
/// </summary>
internal sealed class FitTree
{
    private static readonly ResourceVector NoRoom = ResourceVector.Of(-1, -1, -1, -1);

    private ResourceVector[] _tree = [NoRoom, NoRoom];
    private int _leaves = 1;

    public bool HasRoom => _tree[1] is { MilliCores: > 0, MemoryMb: > 0 };

    /// <summary>No room: nothing fits there, not even a request for nothing.</summary>
    public void Set(int leaf, ResourceVector? room)
    {
        if (leaf >= _leaves) Grow(leaf);
        var at = leaf + _leaves;
        _tree[at] = room ?? NoRoom;
        while (at > 1)
        {
            at >>= 1;
            var larger = ResourceVector.Max(_tree[2 * at], _tree[2 * at + 1]);
            if (larger == _tree[at]) return;
            _tree[at] = larger;
        }
    }

    /// <summary>The first leaf at or after that one with room for the request, or -1.</summary>
    public int Next(int from, in ResourceVector request)
    {
        if (from >= _leaves) return -1;
        var at = from + _leaves;
        while (true)
        {
            if (request.FitsIn(_tree[at]))
            {
                if (at >= _leaves) return at - _leaves;
                at *= 2;
                continue;
            }
            // On to the next branch to the right: up out of every right child, then over.
            while ((at & 1) == 1)
            {
                at >>= 1;
                if (at == 0) return -1;
            }
            at++;
        }
    }

    private void Grow(int leaf)
    {
        var old = (_tree, _leaves);
        while (leaf >= _leaves) _leaves *= 2;
        _tree = new ResourceVector[2 * _leaves];
        Array.Fill(_tree, NoRoom);
        old._tree.AsSpan(old._leaves, old._leaves).CopyTo(_tree.AsSpan(_leaves));
        for (var at = _leaves - 1; at > 0; at--) _tree[at] = ResourceVector.Max(_tree[2 * at], _tree[2 * at + 1]);
    }
}

namespace HiveMind.Scheduling;

/// <summary>
/// The tasks of a lane, the first on top. Four children a branch and the keys beside the tasks, so that a step down reads one or two cache lines and no task; a task that
/// arrives in order costs one comparison. A removed task stays until it comes up or too many have gone.
/// </summary>
internal sealed class TaskHeap
{
    private const int Children = 4;

    private (long Aged, QueuedTask Task)[] _items = new (long, QueuedTask)[4];
    private int _size;
    private int _gone;

    public int Count => _size - _gone;
    /// <summary>There is one: never asked of an empty heap.</summary>
    public QueuedTask First => _items[0].Task;

    public void Add(QueuedTask task)
    {
        if (_size == _items.Length) Array.Resize(ref _items, 2 * _size);
        var at = _size++;
        while (at > 0)
        {
            var parent = (at - 1) / Children;
            if (!Precedes((task.Aged, task), _items[parent])) break;
            _items[at] = _items[parent];
            at = parent;
        }
        _items[at] = (task.Aged, task);
    }

    public void TakeFirst()
    {
        Drop();
        Tidy();
    }

    /// <summary>It is marked as gone already.</summary>
    public void Forget()
    {
        _gone++;
        if (_gone > 16 && _gone > _size / 2) Rebuild();
        Tidy();
    }

    /// <summary>How many stand before it, counted up to the limit: it walks down from the top and turns back where the order does.</summary>
    public int CountBefore(OrderKey key, int limit)
    {
        var (count, pending) = (0, new Stack<int>());
        if (_size > 0) pending.Push(0);
        while (count < limit && pending.TryPop(out var at))
        {
            if (_items[at].Task.Key.CompareTo(key) >= 0) continue;
            if (!_items[at].Task.Gone) count++;
            for (var child = Children * at + 1; child <= Children * at + Children && child < _size; child++) pending.Push(child);
        }
        return count;
    }

    private void Tidy()
    {
        while (_size > 0 && _items[0].Task.Gone)
        {
            Drop();
            _gone--;
        }
    }

    private void Drop()
    {
        var last = _items[--_size];
        _items[_size] = default;
        if (_size > 0) Sink(0, last);
        if (_items.Length > 16 && _size < _items.Length / 4) Array.Resize(ref _items, _items.Length / 2);
    }

    private void Sink(int at, (long Aged, QueuedTask Task) item)
    {
        while (true)
        {
            var child = Children * at + 1;
            if (child >= _size) break;
            var least = child;
            for (var other = child + 1; other < child + Children && other < _size; other++)
                if (Precedes(_items[other], _items[least])) least = other;
            if (!Precedes(_items[least], item)) break;
            _items[at] = _items[least];
            at = least;
        }
        _items[at] = item;
    }

    private void Rebuild()
    {
        var kept = 0;
        for (var i = 0; i < _size; i++)
            if (!_items[i].Task.Gone) _items[kept++] = _items[i];
        Array.Clear(_items, kept, _size - kept);
        (_size, _gone) = (kept, 0);
        for (var at = (_size - 2) / Children; at >= 0 && _size > 1; at--) Sink(at, _items[at]);
    }

    private static bool Precedes((long Aged, QueuedTask Task) one, (long Aged, QueuedTask Task) other) =>
        one.Aged != other.Aged ? one.Aged < other.Aged : string.CompareOrdinal(one.Task.TaskId, other.Task.TaskId) < 0;
}

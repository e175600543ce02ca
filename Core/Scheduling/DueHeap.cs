namespace HiveMind.Scheduling;

/// <summary>
/// Tasks by the moment that something is due for them. One that is not meant any more stays until its moment or until too many have gone, as in
/// <see cref="TaskHeap"/>: a deadline of days must not keep what ended after a second.
/// </summary>
internal sealed class DueHeap(Func<QueuedTask, long, bool> isMeant)
{
    private PriorityQueue<QueuedTask, long> _items = new();
    private int _gone;

    /// <summary>With those that are not meant any more.</summary>
    public int Size => _items.Count;

    public void Add(QueuedTask task, long due) => _items.Enqueue(task, due);

    /// <summary>Something in it is not meant any more.</summary>
    public void Forget()
    {
        _gone++;
        if (_gone <= 16 || _gone <= _items.Count / 2) return;
        _items = new(_items.UnorderedItems.Where(item => isMeant(item.Element, item.Priority)).ToList());
        _gone = 0;
    }

    /// <summary>The first that is due by then; null: none is.</summary>
    public QueuedTask? Take(long now)
    {
        while (_items.TryPeek(out var first, out var due) && due <= now)
        {
            _items.Dequeue();
            if (isMeant(first, due)) return first;
            if (_gone > 0) _gone--;
        }
        return null;
    }
}

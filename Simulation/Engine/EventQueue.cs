namespace HiveMind.Simulation;

/// <summary>Something that happens at a virtual time. What A, B and Body are is the kind's.</summary>
internal readonly record struct SimEvent(long At, long Order, EventKind Kind, int A, int B, object? Body)
{
    public InvalidOperationException Unhandled() => new($"Nobody handles {Kind}.");
}

/// <summary>What comes next: a heap in which each entry has four below it. What was put in first comes first among equal times.</summary>
internal sealed class EventQueue
{
    private SimEvent[] _heap = new SimEvent[1024];
    private int _count;
    private long _order;

    public int Count => _count;

    public void Add(long at, EventKind kind, int a, int b, object? body)
    {
        if (_count == _heap.Length) Array.Resize(ref _heap, _count * 2);
        var added = new SimEvent(at, ++_order, kind, a, b, body);
        var hole = _count++;
        while (hole > 0)
        {
            var above = (hole - 1) >> 2;
            if (!Before(in added, in _heap[above])) break;
            _heap[hole] = _heap[above];
            hole = above;
        }
        _heap[hole] = added;
    }

    public SimEvent Take()
    {
        var first = _heap[0];
        var last = _heap[--_count];
        _heap[_count] = default;
        if (_count > 0) Sink(in last);
        return first;
    }

    private void Sink(in SimEvent last)
    {
        var hole = 0;
        while (true)
        {
            var child = (hole << 2) + 1;
            if (child >= _count) break;
            var end = Math.Min(child + 4, _count);
            var least = child;
            for (var next = child + 1; next < end; next++)
                if (Before(in _heap[next], in _heap[least])) least = next;
            if (!Before(in _heap[least], in last)) break;
            _heap[hole] = _heap[least];
            hole = least;
        }
        _heap[hole] = last;
    }

    private static bool Before(in SimEvent one, in SimEvent other) => one.At < other.At || (one.At == other.At && one.Order < other.Order);
}

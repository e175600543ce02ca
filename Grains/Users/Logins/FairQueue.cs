namespace HiveMind.Users;

/// <summary>
/// What waits, by whom it came from: each key's turn comes after every other's, however much it has waiting, and each may have few waiting.
/// Two lanes: those that go first have three turns of four where both wait. Pure; not for several threads at once.
/// </summary>
public sealed class FairQueue<T>(int perKey, int most)
{
    private const int FirstTurnsOfFour = 3;
    private readonly Lane _first = new(), _others = new();
    private int _turn;

    public int Count { get; private set; }

    /// <summary>False: that key has as many waiting as it may, or all together have.</summary>
    public bool TryAdd(string key, bool first, T item)
    {
        var lane = first ? _first : _others;
        if (Count >= most || lane.Waiting(key) >= perKey) return false;
        lane.Add(key, item);
        Count++;
        return true;
    }

    public bool TryTake(out T item)
    {
        var fromFirst = _first.Any && (!_others.Any || _turn++ % 4 < FirstTurnsOfFour);
        if (!(fromFirst ? _first : _others).TryTake(out item)) return false;
        Count--;
        return true;
    }

    private sealed class Lane
    {
        private readonly Dictionary<string, Queue<T>> _byKey = [];
        private readonly Queue<string> _turns = [];

        public bool Any => _turns.Count > 0;

        public int Waiting(string key) => _byKey.TryGetValue(key, out var waiting) ? waiting.Count : 0;

        public void Add(string key, T item)
        {
            if (!_byKey.TryGetValue(key, out var waiting))
            {
                _byKey[key] = waiting = [];
                _turns.Enqueue(key);
            }

            waiting.Enqueue(item);
        }

        public bool TryTake(out T item)
        {
            item = default!;
            if (!_turns.TryDequeue(out var key)) return false;
            var waiting = _byKey[key];
            item = waiting.Dequeue();
            if (waiting.Count > 0) _turns.Enqueue(key);
            else _byKey.Remove(key);
            return true;
        }
    }
}

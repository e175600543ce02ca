namespace HiveMind.Scheduling;

/// <summary>
/// A few things in order that are gone through from the front again and again, and of which one at a time moves a little: a sorted array, because
/// going through it costs nothing, and a move shifts only what it passes.
/// </summary>
internal class OrderedRow<T, TOrder> where T : class where TOrder : struct, IComparer<T>
{
    private static readonly TOrder Order = default;
    private T[] _items = new T[4];

    public int Count { get; private set; }
    public T this[int place] => _items[place];
    public T? First => Count > 0 ? _items[0] : null;

    public void Add(T item)
    {
        if (Count == _items.Length) Array.Resize(ref _items, 2 * Count);
        var place = PlaceOf(item);
        Array.Copy(_items, place, _items, place + 1, Count++ - place);
        _items[place] = item;
    }

    public void RemoveAt(int place)
    {
        Array.Copy(_items, place + 1, _items, place, --Count - place);
        _items[Count] = null!;
    }

    /// <summary>What stands there has changed and may belong elsewhere.</summary>
    public void Moved(int place)
    {
        var item = _items[place];
        if (place + 1 < Count && Order.Compare(_items[place + 1], item) < 0)
        {
            var to = Search(item, place + 1, Count) - 1;
            Array.Copy(_items, place + 1, _items, place, to - place);
            _items[to] = item;
        }
        else if (place > 0 && Order.Compare(_items[place - 1], item) > 0)
        {
            var to = Search(item, 0, place);
            Array.Copy(_items, to, _items, to + 1, place - to);
            _items[to] = item;
        }
    }

    /// <summary>After many have changed at once.</summary>
    public void Sort() => Array.Sort(_items, 0, Count, Order);

    /// <summary>Where it stands, or would stand.</summary>
    public int PlaceOf(T item) => Search(item, 0, Count);

    private int Search(T item, int from, int to)
    {
        while (from < to)
        {
            var middle = (from + to) / 2;
            if (Order.Compare(_items[middle], item) < 0) from = middle + 1;
            else to = middle;
        }
        return from;
    }
}

/// <summary>The accounts that have ready tasks, whose turn it is first; of two with the same rank the one that was here first.</summary>
internal sealed class Ranking : OrderedRow<Account, ByRank>;

internal readonly struct ByRank : IComparer<Account>
{
    public int Compare(Account? one, Account? other) =>
        one!.Rank != other!.Rank ? one.Rank.CompareTo(other.Rank) : one.Number.CompareTo(other.Number);
}

/// <summary>An account's lanes by their first tasks.</summary>
internal sealed class LaneRow : OrderedRow<Lane, ByHead>;

internal readonly struct ByHead : IComparer<Lane>
{
    public int Compare(Lane? one, Lane? other)
    {
        var order = one!.Head.CompareTo(other!.Head);
        return order == 0 ? one.Shape.Number.CompareTo(other.Shape.Number) : order;
    }
}

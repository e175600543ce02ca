namespace HiveMind.Scheduling;

/// <summary>
/// The accounts that have ready tasks, whose turn it is first. A sorted array: going through it in order, which every placement does, is
/// what it must be good at; an account that moves shifts those it passes.
/// </summary>
internal sealed class Ranking
{
    private Account[] _accounts = new Account[16];

    public int Count { get; private set; }
    public Account this[int place] => _accounts[place];

    public void Add(Account account)
    {
        if (Count == _accounts.Length) Array.Resize(ref _accounts, 2 * Count);
        var place = PlaceOf(account);
        Array.Copy(_accounts, place, _accounts, place + 1, Count++ - place);
        _accounts[place] = account;
        account.IsRanked = true;
    }

    public void Remove(Account account)
    {
        var place = PlaceOf(account);
        Array.Copy(_accounts, place + 1, _accounts, place, --Count - place);
        _accounts[Count] = null!;
        account.IsRanked = false;
    }

    public void Move(Account account, double rank)
    {
        if (account.Rank == rank) return;
        var from = PlaceOf(account);
        account.Rank = rank;
        if (from + 1 < Count && Compare(_accounts[from + 1], account) < 0)
        {
            var to = Search(account, from + 1, Count) - 1;
            Array.Copy(_accounts, from + 1, _accounts, from, to - from);
            _accounts[to] = account;
        }
        else if (from > 0 && Compare(_accounts[from - 1], account) > 0)
        {
            var to = Search(account, 0, from);
            Array.Copy(_accounts, to, _accounts, to + 1, from - to);
            _accounts[to] = account;
        }
    }

    /// <summary>After many ranks have changed at once.</summary>
    public void Sort() => Array.Sort(_accounts, 0, Count, Comparer<Account>.Create(Compare));

    public int PlaceOf(Account account) => Search(account, 0, Count);

    private int Search(Account account, int from, int to)
    {
        while (from < to)
        {
            var middle = (from + to) / 2;
            if (Compare(_accounts[middle], account) < 0) from = middle + 1;
            else to = middle;
        }
        return from;
    }

    private static int Compare(Account one, Account other) =>
        one.Rank != other.Rank ? one.Rank.CompareTo(other.Rank) : one.Number.CompareTo(other.Number);
}

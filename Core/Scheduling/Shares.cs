using HiveMind.Tasks;

namespace HiveMind.Scheduling;

/// <summary>The accounts, what each holds and has used, and whose turn it is.</summary>
internal sealed class Shares(SchedulingOptions options)
{
    /// <summary>How old the ranks of accounts that hold something may be.</summary>
    private static readonly long RankEvery = TimeSpan.TicksPerSecond;
    /// <summary>Core-seconds that are not worth remembering.</summary>
    private const double Negligible = 0.001;

    private readonly FairShare _fair = new(options);
    private readonly Dictionary<string, Account> _accounts = [];
    private long _numbers;

    public Ranking Ranking { get; } = new();

    /// <summary>How far the wall clock has been stepped since the start, ticks: use is forgotten by the time that went by, not by what a clock was set to.</summary>
    public long Stepped { get; set; }
    public IEnumerable<Account> All => _accounts.Values;

    public Account? Find(string userId) => _accounts.GetValueOrDefault(userId);

    public Account Of(string userId)
    {
        if (_accounts.TryGetValue(userId, out var account)) return account;
        _accounts.Add(userId, account = new Account(userId, ++_numbers));
        return account;
    }

    public void SetRole(Account account, string role)
    {
        if (role.Length == 0 || role == account.Role) return;
        account.Role = role;
        account.Quota = options.OfRole(role);
        Rerank(account);
    }

    public double RateOf(double cost, TaskPriority priority) => cost * _fair.BandWeight(priority);

    public void Hold(Account account, double rate, int milliCores, long now) => Change(account, rate, 1, milliCores, now);

    public void Release(Account account, double rate, int milliCores, long now) => Change(account, -rate, -1, -milliCores, now);

    /// <summary>Its ready tasks came or went.</summary>
    public void Review(Account account)
    {
        if (account.HasReady == account.IsRanked) return;
        if (account.IsRanked)
        {
            Ranking.RemoveAt(Ranking.PlaceOf(account));
            account.IsRanked = false;
            return;
        }
        account.Rank = RankOf(account);
        Ranking.Add(account);
        account.IsRanked = true;
    }

    /// <summary>Once a second of the clock: what runs has used up more, and who is forgotten altogether.</summary>
    public void Refresh(long now) => RefreshAt(now - Stepped);

    private void RefreshAt(long now)
    {
        if (now - _fair.Clock < RankEvery) return;
        var factor = _fair.Advance(now);
        List<Account>? forgotten = null;
        foreach (var account in _accounts.Values)
        {
            account.Used *= factor;
            Settle(account, now); // in the scale that holds from here on
            account.Rank = RankOf(account);
            if (account.IsIdle && _fair.Now(account.Used) < Negligible) (forgotten ??= []).Add(account);
        }
        Ranking.Sort();
        foreach (var account in forgotten ?? []) _accounts.Remove(account.UserId);
    }

    /// <summary>Core-seconds as they count now, what is held left out.</summary>
    public double UsedBy(Account account) => _fair.Now(account.Used);

    private void Change(Account account, double rate, int tasks, int milliCores, long now)
    {
        now -= Stepped;
        if (_fair.IsBeyond(now)) RefreshAt(now);
        Settle(account, now);
        account.Rate += rate;
        account.Running += tasks;
        account.MilliCores += milliCores;
        if (account.Running == 0) account.Rate = 0; // no dust of many additions
        Rerank(account);
    }

    private void Settle(Account account, long now)
    {
        if (account.Rate > 0) account.Used += _fair.Used(account.Rate, account.UsedUntil, now);
        account.UsedUntil = Math.Max(account.UsedUntil, now);
    }

    private void Rerank(Account account)
    {
        var place = account.IsRanked ? Ranking.PlaceOf(account) : -1;
        account.Rank = RankOf(account);
        if (place >= 0) Ranking.Moved(place);
    }

    private double RankOf(Account account) => _fair.Rank(account.Used, account.Rate, account.Quota.Weight);
}

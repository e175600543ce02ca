namespace HiveMind.Users;

/// <summary>Failures by key at one pace. Bounded: what is forgotten goes first, then what failed longest ago. Not for several threads at once.</summary>
public sealed class FailureCounts(FailurePace pace, int limit = FailureCounts.Limit)
{
    public const int Limit = 100_000;
    private readonly Dictionary<string, FailureCount> _counts = [];

    public int Count => _counts.Count;

    public TimeSpan Wait(string key, TimeSpan now) => _counts.TryGetValue(key, out var count) ? pace.Wait(count, now) : TimeSpan.Zero;

    public bool HasFailed(string key, TimeSpan now) => _counts.TryGetValue(key, out var count) && pace.Left(count, now) > 0;

    public void Charge(string key, TimeSpan now)
    {
        if (_counts.Count >= limit && !_counts.ContainsKey(key)) MakeRoom(now);
        _counts[key] = pace.Charge(_counts.GetValueOrDefault(key), now);
    }

    public void Refund(string key)
    {
        if (!_counts.TryGetValue(key, out var count)) return;
        var left = FailurePace.Refund(count);
        if (left.Failures == 0) _counts.Remove(key);
        else _counts[key] = left;
    }

    private void MakeRoom(TimeSpan now)
    {
        foreach (var (key, _) in _counts.Where(entry => pace.Left(entry.Value, now) == 0).ToList()) _counts.Remove(key);
        if (_counts.Count < limit) return;
        foreach (var (key, _) in _counts.OrderBy(entry => entry.Value.LastAt).Take(Math.Max(1, limit / 10)).ToList()) _counts.Remove(key);
    }
}

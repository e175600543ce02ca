using System.Collections.Concurrent;

namespace HiveMind.Rewards;

/// <summary>
/// Whether an account's balance still covers its open tasks, as its <see cref="IAccountLoadGrain"/> said at most a second ago: asked at every grant,
/// so the grain is not.
/// </summary>
public sealed class AccountStandings(IGrainFactory grains, TimeProvider time)
{
    private const int Most = 10_000;
    private static readonly TimeSpan Age = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, (Task<AccountStanding> Answer, long At)> _known = new();

    public async Task<bool> IsCovered(string userId)
    {
        if (!_known.TryGetValue(userId, out var known) || time.GetElapsedTime(known.At) >= Age || known.Answer.IsFaulted)
        {
            if (_known.Count >= Most) _known.Clear();
            _known[userId] = known = (grains.GetGrain<IAccountLoadGrain>(userId).GetStanding(), time.GetTimestamp());
        }

        return (await known.Answer).IsCovered;
    }
}

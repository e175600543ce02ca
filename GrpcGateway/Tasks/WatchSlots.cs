using System.Collections.Concurrent;

namespace HiveMind.Tasks;

/// <summary>How many may watch at the same time: each watch costs a few small questions a second for as long as it lasts.</summary>
internal sealed class WatchSlots
{
    public const int PerUser = 100, PerSilo = 2000;
    private static readonly TimeSpan TryAgain = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<string, int> _users = new();
    private int _all;

    public int Taken => Volatile.Read(ref _all);

    /// <summary>Give it back by disposing it. ResourceExhausted when there are too many.</summary>
    public IDisposable Take(string userId)
    {
        var slot = new Slot(this, userId);
        var mine = _users.AddOrUpdate(userId, 1, static (_, count) => count + 1);
        if (Interlocked.Increment(ref _all) <= PerSilo && mine <= PerUser) return slot;
        slot.Dispose();
        throw HiveMindException.Exhausted("TOO_MANY_WATCHES", $"At most {PerUser} watches of one user and {PerSilo} of all at the same time.", TryAgain);
    }

    private sealed class Slot(WatchSlots slots, string userId) : IDisposable
    {
        private int _given;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _given, 1) == 1) return;
            Interlocked.Decrement(ref slots._all);
            if (slots._users.AddOrUpdate(userId, 0, static (_, count) => count - 1) <= 0)
                slots._users.TryRemove(new KeyValuePair<string, int>(userId, 0));
        }
    }
}

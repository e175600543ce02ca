using System.Collections.Concurrent;

namespace HiveMind.Edge;

/// <summary>How many streams of one kind may be open at the same time, for one user and for all of the silo.</summary>
internal abstract class StreamSlots(int perUser, int perSilo, string reason, string plural)
{
    private static readonly TimeSpan TryAgain = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<string, int> _users = new();
    private int _all;

    public int Taken => Volatile.Read(ref _all);

    /// <summary>Give it back by disposing it. ResourceExhausted when there are too many.</summary>
    public IDisposable Take(string userId)
    {
        var slot = new Slot(this, userId);
        var mine = _users.AddOrUpdate(userId, 1, static (_, count) => count + 1);
        if (Interlocked.Increment(ref _all) <= perSilo && mine <= perUser) return slot;
        slot.Dispose();
        throw HiveMindException.Exhausted(reason, $"At most {perUser} {plural} of one user and {perSilo} of all at the same time.", TryAgain);
    }

    private sealed class Slot(StreamSlots slots, string userId) : IDisposable
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

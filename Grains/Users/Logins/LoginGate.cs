namespace HiveMind.Users;

/// <summary>
/// Stands before the hashing: who failed too often waits, and is told how long. Four counts, so that nobody is locked out by a stranger:
/// an address that logged in to the account lately has one of its own and passes the others; of the rest an address's first try at an account is
/// counted apart from repeated ones, so that one that guesses does not stand in the way of one that comes new. In memory, per silo.
/// </summary>
public sealed class LoginGate(TimeProvider time)
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1), Hour = TimeSpan.FromHours(1);

    /// <summary>Of an address, whatever accounts it tries, and for registrations with what is taken.</summary>
    public static readonly FailurePace OfAddress = new(20, Second, TimeSpan.FromSeconds(64), TimeSpan.FromMinutes(5));
    /// <summary>Of an address that the account knows: about 100 a day.</summary>
    public static readonly FailurePace OfKnownAddress = new(10, Second, TimeSpan.FromSeconds(1024), Hour);
    /// <summary>At an account, from unknown addresses that failed there before: 9, and about 55 a day.</summary>
    public static readonly FailurePace OfRepeats = new(9, Second, TimeSpan.FromSeconds(2048), Hour);
    /// <summary>At an account, each from an address that has not failed there: 10, and about 30 a day.</summary>
    public static readonly FailurePace OfFirstTries = new(10, TimeSpan.FromMinutes(1), Hour, Hour);

    private readonly Lock _gate = new();
    private readonly long _start = time.GetTimestamp();
    private readonly FailureCounts _addresses = new(OfAddress), _known = new(OfKnownAddress), _repeats = new(OfRepeats), _firsts = new(OfFirstTries);
    private readonly FailureCounts _pairs = new(OfRepeats);

    /// <summary>Admits one try, counted as a failure until it is said to be none. ResourceExhausted with the time to wait.</summary>
    /// <param name="account">User name in lower case, of an account or not: both are counted alike.</param>
    /// <param name="network">`ClientNetwork` of the caller.</param>
    /// <param name="known">That account was logged in to from there lately.</param>
    public Try Admit(string account, string network, bool known)
    {
        var pair = $"{account}\n{network}";
        lock (_gate)
        {
            var now = Now;
            IReadOnlyList<(FailureCounts Counts, string Key)> charged =
                known ? [(_known, pair)] : [(_addresses, network), (_pairs.HasFailed(pair, now) ? _repeats : _firsts, account)];
            Refuse(charged.Max(c => c.Counts.Wait(c.Key, now)));
            charged = known ? charged : [.. charged, (_pairs, pair)];
            foreach (var (counts, key) in charged) counts.Charge(key, now);
            return new Try(this, charged);
        }
    }

    /// <summary>The same for what is counted by address only: names that are taken, codes that are wrong.</summary>
    public Try Admit(string network)
    {
        lock (_gate)
        {
            var now = Now;
            Refuse(_addresses.Wait(network, now));
            _addresses.Charge(network, now);
            return new Try(this, [(_addresses, network)]);
        }
    }

    private TimeSpan Now => time.GetElapsedTime(_start);

    private static void Refuse(TimeSpan wait)
    {
        if (wait <= TimeSpan.Zero) return;
        AccountInstruments.Throttled();
        var seconds = TimeSpan.FromSeconds(Math.Ceiling(wait.TotalSeconds));
        throw HiveMindException.Exhausted("TOO_MANY_FAILURES", $"Too many failed tries: the next one is looked at in {seconds.TotalSeconds:0} s.", seconds);
    }

    /// <summary>One admitted try.</summary>
    public sealed class Try
    {
        private readonly LoginGate _owner;
        private IReadOnlyList<(FailureCounts Counts, string Key)> _charged;

        internal Try(LoginGate owner, IReadOnlyList<(FailureCounts, string)> charged) => (_owner, _charged) = (owner, charged);

        /// <summary>It was right, or nobody looked at it.</summary>
        public void IsNoFailure()
        {
            lock (_owner._gate)
            {
                foreach (var (counts, key) in _charged) counts.Refund(key);
                _charged = [];
            }
        }
    }
}

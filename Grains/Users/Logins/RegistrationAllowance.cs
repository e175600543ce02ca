using Microsoft.Extensions.Options;

namespace HiveMind.Users;

/// <summary>How many accounts one address may make in a day: so many at once, and one more with each part of the day. In memory, per silo; bounded.</summary>
public sealed class RegistrationAllowance(IOptions<HubOptions> options, TimeProvider time)
{
    private const int Limit = 100_000;
    private readonly TimeProvider _time = time;
    private readonly Lock _gate = new();
    private readonly long _start = time.GetTimestamp();
    private readonly Dictionary<string, (double Left, TimeSpan At)> _places = [];

    private int PerDay => options.Value.Auth.RegistrationsPerAddress;

    /// <summary>ResourceExhausted, with the time until there is one again.</summary>
    public Place Take(string network)
    {
        lock (_gate)
        {
            var now = _time.GetElapsedTime(_start);
            var left = Left(network, now);
            if (left < 1)
            {
                AccountInstruments.Throttled();
                var wait = TimeSpan.FromSeconds(Math.Ceiling((1 - left) * TimeSpan.FromDays(1).TotalSeconds / PerDay));
                throw HiveMindException.Exhausted("TOO_MANY_REGISTRATIONS",
                    $"At most {PerDay} accounts a day from one address: try again in {wait.TotalSeconds:0} s, or ask an admin for a registration code.", wait);
            }

            if (_places.Count >= Limit) Forget(now);
            _places[network] = (left - 1, now);
            return new Place(this, network);
        }
    }

    private double Left(string network, TimeSpan now) => _places.TryGetValue(network, out var place)
        ? Math.Min(PerDay, place.Left + ((now - place.At).TotalDays * PerDay)) : PerDay;

    private void Forget(TimeSpan now)
    {
        foreach (var network in _places.Keys.Where(network => Left(network, now) >= PerDay).ToList()) _places.Remove(network);
        if (_places.Count < Limit) return;
        foreach (var (network, _) in _places.OrderBy(place => place.Value.At).Take(Limit / 10).ToList()) _places.Remove(network);
    }

    public sealed class Place(RegistrationAllowance owner, string network)
    {
        /// <summary>No account was made.</summary>
        public void GiveBack()
        {
            lock (owner._gate)
            {
                var now = owner._time.GetElapsedTime(owner._start);
                owner._places[network] = (Math.Min(owner.PerDay, owner.Left(network, now) + 1), now);
            }
        }
    }
}

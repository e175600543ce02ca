namespace HiveMind.Nodes;

/// <summary>
/// The lease of one connection, counted on the monotonic clock from when a heartbeat was received, and whether the hub was there to receive one.
/// Whoever looks at it says with that that the hub is there; a long gap between two looks is a freeze, a pause, a starved pool: the
/// hub's own absence, which ends no lease. A fresh activation has just come back from one of unknown length.
/// </summary>
/// <param name="duration">How long it lasts without a heartbeat.</param>
/// <param name="lookEvery">How often it is looked at when the hub is there.</param>
/// <param name="now">Of a monotonic clock, like every moment here.</param>
public sealed class NodeLease(TimeSpan duration, TimeSpan lookEvery, TimeSpan now)
{
    /// <summary>A look that comes later than that after it was due was kept from coming.</summary>
    public static readonly TimeSpan LateAfter = TimeSpan.FromSeconds(3);

    /// <summary>Absences in a row, with no heartbeat between, that renew it: a hub that is late for ever must still call a dead node lost.</summary>
    public const int MostAbsences = 3;

    private TimeSpan _lookedAt = now, _backAt = now;
    private int _absences;

    /// <summary>A heartbeat, or the end of an absence.</summary>
    public TimeSpan RenewedAt { get; private set; } = now;

    public bool IsExpired(TimeSpan now) => now - RenewedAt >= duration;

    /// <summary>Its worker was heard.</summary>
    public void Renew(TimeSpan now)
    {
        Look(now);
        RenewedAt = now;
        _absences = 0;
    }

    /// <summary>To be called when it was to be, and before every judgement. True: the hub was away since the last time.</summary>
    public bool Look(TimeSpan now)
    {
        var wasAway = WasAway(now - _lookedAt, lookEvery);
        _lookedAt = now;
        if (wasAway) Return(now);
        return wasAway;
    }

    /// <summary>The hub was away and is back: nobody could be heard meanwhile, so what runs out begins anew.</summary>
    public void Return(TimeSpan now)
    {
        _backAt = now;
        if (_absences++ < MostAbsences) RenewedAt = now;
    }

    /// <summary>
    /// Whether the loss of an attempt is its node's doing: it was granted since the hub is back, or the hub has been back for a whole
    /// lease. A worker kills its runs when nobody answers, so what is missing earlier the hub has to answer for.
    /// </summary>
    /// <param name="grantedAt">When this activation granted it; null: an earlier one did.</param>
    /// <param name="now">When it is judged.</param>
    public bool BlamesNode(TimeSpan? grantedAt, TimeSpan now) => grantedAt >= _backAt || now - _backAt >= duration;

    public static bool WasAway(TimeSpan gap, TimeSpan lookEvery) => gap > lookEvery + LateAfter;
}

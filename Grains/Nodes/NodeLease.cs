namespace HiveMind.Nodes;

/// <summary>
/// The lease of one connection, counted on the monotonic clock from when a heartbeat was received, and whether the hub was there to receive one.
/// Whoever looks at it says with that that the hub is there; a long gap between two looks is a freeze, a pause, a starved pool: the
/// hub's own absence, which ends no lease. A fresh activation has just come back from one of unknown length.
/// </summary>
public sealed class NodeLease(TimeProvider time, TimeSpan duration, TimeSpan lookEvery)
{
    /// <summary>A look that comes later than that after it was due was kept from coming.</summary>
    public static readonly TimeSpan LateAfter = TimeSpan.FromSeconds(3);

    /// <summary>Absences in a row, with no heartbeat between, that renew it: a hub that is late for ever must still call a dead node lost.</summary>
    public const int MostAbsences = 3;

    private long _renewedAt = time.GetTimestamp();
    private long _lookedAt = time.GetTimestamp();
    private long _backAt = time.GetTimestamp();
    private int _absences;

    /// <summary>A heartbeat, or the end of an absence.</summary>
    public long RenewedAt => _renewedAt;

    public bool IsExpired => time.GetElapsedTime(_renewedAt) >= duration;

    /// <summary>Its worker was heard.</summary>
    public void Renew()
    {
        Look();
        _renewedAt = time.GetTimestamp();
        _absences = 0;
    }

    /// <summary>To be called when it was to be, and before every judgement. True: the hub was away since the last time.</summary>
    public bool Look()
    {
        var wasAway = WasAway(time.GetElapsedTime(_lookedAt), lookEvery);
        _lookedAt = time.GetTimestamp();
        if (wasAway) Return();
        return wasAway;
    }

    /// <summary>The hub was away and is back: nobody could be heard meanwhile, so what runs out begins anew.</summary>
    public void Return()
    {
        _backAt = time.GetTimestamp();
        if (_absences++ < MostAbsences) _renewedAt = _backAt;
    }

    /// <summary>
    /// Whether the loss of an attempt is its node's doing: it was granted since the hub is back, or the hub has been back for a whole
    /// lease. A worker kills its runs when nobody answers, so what is missing earlier the hub has to answer for.
    /// </summary>
    /// <param name="grantedAt">When this activation granted it; null: an earlier one did.</param>
    public bool BlamesNode(long? grantedAt) => grantedAt >= _backAt || time.GetElapsedTime(_backAt) >= duration;

    public static bool WasAway(TimeSpan gap, TimeSpan lookEvery) => gap > lookEvery + LateAfter;
}

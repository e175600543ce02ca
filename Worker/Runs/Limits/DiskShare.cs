namespace HiveMind.Workers.Runs;

/// <summary>
/// The disk that an owner lends, among the runs of a worker. Who reserved some has it, and no more. Who reserved none may use what the
/// reservations leave over; when that is used up, whoever has most of it is stopped.
/// </summary>
public sealed class DiskShare(long lentMb)
{
    private readonly Lock _lock = new();
    private readonly HashSet<DiskClaim> _claims = [];

    /// <summary>0: no limit but each run's own.</summary>
    public long LentMb => lentMb;

    /// <summary>Of one run, until it is disposed. 0: nothing was reserved.</summary>
    public DiskClaim Claim(long reservedMb)
    {
        var claim = new DiskClaim(this, reservedMb);
        lock (_lock)
            _claims.Add(claim);
        return claim;
    }

    internal void Release(DiskClaim claim)
    {
        lock (_lock)
            _claims.Remove(claim);
    }

    internal bool IsTooMuch(DiskClaim claim, long bytes)
    {
        lock (_lock)
        {
            claim.UsedBytes = bytes;
            if (claim.ReservedMb > 0)
                return bytes > claim.ReservedMb << 20;
            return lentMb > 0 && _claims.Sum(c => c.ReservedMb > 0 ? c.ReservedMb << 20 : c.UsedBytes) > lentMb << 20
                && _claims.All(c => c.ReservedMb > 0 || c.UsedBytes <= bytes);
        }
    }
}

/// <summary>One run's part of the disk, until what it wrote is removed.</summary>
public sealed class DiskClaim : IDisposable
{
    /// <summary>No limit at all.</summary>
    public static readonly DiskClaim None = new DiskShare(0).Claim(0);

    private readonly DiskShare _share;

    internal DiskClaim(DiskShare share, long reservedMb) => (_share, ReservedMb) = (share, reservedMb);

    public long ReservedMb { get; }

    internal long UsedBytes { get; set; }

    /// <summary>Above this a single file need not grow, whatever else there is; 0: no limit.</summary>
    public long FileMb => ReservedMb > 0 ? ReservedMb : _share.LentMb;

    /// <summary>Above it is too much, whatever others take.</summary>
    internal long MostBytes => FileMb > 0 ? FileMb << 20 : DiskUse.Uncountable;

    /// <summary>The run's files take so much now.</summary>
    public bool IsTooMuch(long bytes) => _share.IsTooMuch(this, bytes);

    public string Limit => ReservedMb > 0 ? $"its {ReservedMb} MB of disk"
        : $"the {_share.LentMb} MB of disk that this machine lends; reserve some with disk_mb";

    public void Dispose() => _share.Release(this);
}

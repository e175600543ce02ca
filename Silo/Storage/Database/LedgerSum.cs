namespace HiveMind.Storage;

/// <summary>
/// The sum of all postings, added up in pieces: each look reads only what was posted since the last one, and once a day all of it anew, so
/// that a row that changed by itself is seen too. Both lines of a payment are written together, so a prefix of the postings sums to 0 as well.
/// </summary>
internal sealed class LedgerSum(Func<long, int, CancellationToken, Task<LedgerPiece>> read, TimeProvider time)
{
    /// <summary>Rows a query: some tens of milliseconds.</summary>
    public const int PieceRows = 100_000;
    private static readonly TimeSpan AnewEvery = TimeSpan.FromDays(1);
    private long _upTo, _sum, _begunAt = time.GetTimestamp();

    /// <summary>Rows read by the last look.</summary>
    public long LastRead { get; private set; }

    public async Task<long> Look(CancellationToken cancel)
    {
        if (time.GetElapsedTime(_begunAt) >= AnewEvery) (_upTo, _sum, _begunAt) = (0, 0, time.GetTimestamp());
        LastRead = 0;
        LedgerPiece piece;
        do
        {
            piece = await read(_upTo, PieceRows, cancel);
            (_upTo, _sum, LastRead) = (Math.Max(_upTo, piece.Last), _sum + piece.Micros, LastRead + piece.Rows);
        }
        while (piece.Rows == PieceRows);
        return _sum;
    }
}

/// <summary>Postings after a row, up to a number of them.</summary>
internal readonly record struct LedgerPiece(long Last, long Rows, long Micros);

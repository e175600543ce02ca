namespace HiveMind.Tasks;

/// <summary>How many tasks of one account may still be put to wait: asked once for a call or a batch, then counted down in the order of its tasks.</summary>
internal sealed class WaitingRoom(int? limit, int waiting)
{
    private int _waiting = waiting;

    /// <summary>Whether so many new tasks might not all be let in: then it matters which of them are repetitions.</summary>
    public bool MayRefuse(int tasks) => _waiting + (long)tasks > limit;

    /// <summary>Lets one more new task in, or says why not.</summary>
    public void Take()
    {
        if (_waiting >= limit)
            throw HiveMindException.Exhausted("PENDING_QUOTA", $"At most {limit} of your tasks may wait at the same time.", SubmitQuotas.PendingRetry);
        _waiting++;
    }
}

namespace HiveMind.Tasks;

/// <summary>What one account may still submit: asked once for a call or a batch, then counted down in the order of its tasks.</summary>
internal sealed class Admission(bool hasCredit, int? pendingLimit, int pending)
{
    private int _pending = pending;

    /// <summary>Whether so many new tasks might not all be let in: then it matters which of them are repetitions.</summary>
    public bool MayRefuse(int tasks) => !hasCredit || _pending + (long)tasks > pendingLimit;

    /// <summary>Lets one more new task in, or says why not.</summary>
    public void Take()
    {
        if (!hasCredit)
            throw HiveMindException.Precondition("INSUFFICIENT_CREDITS", "The balance is used up: lend a machine to earn credits, or ask an admin.");
        if (_pending >= pendingLimit)
            throw HiveMindException.Exhausted("PENDING_QUOTA", $"At most {pendingLimit} of your tasks may wait at the same time.", SubmitQuotas.PendingRetry);
        _pending++;
    }
}

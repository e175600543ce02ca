namespace HiveMind.Edge;

/// <summary>
/// How many streams of one kind may be open at the same time, for one user and for all of the silo. When all are taken, whoever has fewer than another
/// gets one of that other's, the one in which longest nothing was done: no few accounts hold all of them against the rest.
/// </summary>
internal abstract class StreamSlots(int perUser, int perSilo, string reason, string plural)
{
    private static readonly TimeSpan TryAgain = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, LinkedList<Slot>> _users = [];
    private int _all;

    public int Taken => Volatile.Read(ref _all);

    /// <summary>Give it back by disposing it. ResourceExhausted when there are too many.</summary>
    public StreamSlot Take(string userId)
    {
        Slot? other = null;
        Slot slot;
        lock (_gate)
        {
            var mine = _users.GetValueOrDefault(userId)?.Count ?? 0;
            if (mine >= perUser) throw TooMany();
            if (_all >= perSilo && (other = OfWhoHasMost(mine)) is null) throw TooMany();
            if (other is not null) Leave(other);
            slot = new Slot(this, userId);
            if (!_users.TryGetValue(userId, out var slots)) _users.Add(userId, slots = []);
            slot.Place = slots.AddLast(slot);
            _all++;
        }

        other?.TakeBack();
        return slot;
    }

    /// <summary>Of those that have at least two more than this one has: else both would take it from each other for ever.</summary>
    private Slot? OfWhoHasMost(int mine)
    {
        var most = _users.Values.MaxBy(slots => slots.Count);
        return most is null || most.Count < mine + 2 ? null : most.First!.Value;
    }

    private HiveMindException TooMany() =>
        HiveMindException.Exhausted(reason, $"At most {perUser} {plural} of one user and {perSilo} of all at the same time.", TryAgain);

    private void Leave(Slot slot)
    {
        if (slot.Place is not { List: { } slots } place) return;
        slots.Remove(place);
        if (slots.Count == 0) _users.Remove(slot.UserId);
        _all--;
    }

    private sealed class Slot(StreamSlots slots, string userId) : StreamSlot
    {
        private readonly CancellationTokenSource _takenBack = new();

        public string UserId => userId;
        public LinkedListNode<Slot>? Place { get; set; }
        public override CancellationToken TakenBack => _takenBack.Token;

        public override void Used()
        {
            lock (slots._gate)
            {
                if (Place is not { List: { } mine } place) return;
                mine.Remove(place);
                mine.AddLast(place);
            }
        }

        public override Exception Ended() => HiveMindException.Exhausted(
            "SLOT_TAKEN_BACK", $"All {slots.PerSilo} {slots.Plural} of this hub are in use and you had most: this one was given to another account.", TryAgain);

        public override void Dispose()
        {
            lock (slots._gate) slots.Leave(this);
        }

        public void TakeBack() => _takenBack.Cancel();
    }

    private int PerSilo => perSilo;
    private string Plural => plural;
}

/// <summary>One stream's place.</summary>
internal abstract class StreamSlot : IDisposable
{
    /// <summary>It was given to another account: the stream ends, with <see cref="Ended"/>.</summary>
    public abstract CancellationToken TakenBack { get; }

    /// <summary>Something was done in it: it is not the first to go.</summary>
    public abstract void Used();

    public abstract Exception Ended();

    public abstract void Dispose();

    /// <summary>What was cancelled because the place was taken back says so.</summary>
    public async Task Guard(Func<CancellationToken, Task> work, CancellationToken cancel)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancel, TakenBack);
        try
        {
            await work(end.Token);
        }
        catch (OperationCanceledException) when (TakenBack.IsCancellationRequested && !cancel.IsCancellationRequested)
        {
            throw Ended();
        }
    }
}

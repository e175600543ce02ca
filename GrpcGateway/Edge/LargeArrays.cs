namespace HiveMind.Edge;

/// <summary>
/// What large messages are brought together in. How many bytes of them are in use at the same time is the budget's to say; what has been used goes on to
/// the next message while the garbage collector leaves it, so that one after the other costs what one does, and nothing is kept for nobody.
/// </summary>
internal sealed class LargeArrays
{
    public const int MostSpare = 8;
    private const int Step = 1 << 20;

    private readonly Lock _turn = new();
    private readonly List<WeakReference<byte[]>> _spare = [];

    /// <summary>So many bytes or somewhat more; what is in them is another message's.</summary>
    public byte[] Rent(int bytes)
    {
        lock (_turn)
        {
            _spare.RemoveAll(spare => !spare.TryGetTarget(out _));
            byte[]? best = null;
            foreach (var spare in _spare)
                if (spare.TryGetTarget(out var array) && array.Length >= bytes && (best is null || array.Length < best.Length)) best = array;
            if (best is not null)
            {
                _spare.RemoveAll(spare => spare.TryGetTarget(out var array) && ReferenceEquals(array, best));
                return best;
            }
        }

        return GC.AllocateUninitializedArray<byte>((int)(((long)bytes + Step - 1) / Step * Step));
    }

    /// <summary>Only when nobody reads it any more.</summary>
    public void Return(byte[] array)
    {
        lock (_turn)
        {
            if (_spare.Count == MostSpare) _spare.RemoveAt(0);
            _spare.Add(new(array));
        }
    }
}

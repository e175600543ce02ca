namespace HiveMind.Workers.Runs;

/// <summary>Which GPU belongs to which run: the hub counts them, programs that run side by side must not meet on the first one.</summary>
public sealed class GpuSlots(IEnumerable<string> ids)
{
    private readonly Lock _lock = new();
    private readonly List<string> _free = [.. ids];

    /// <summary>Null: there are not so many free.</summary>
    public IReadOnlyList<string>? Take(int count)
    {
        lock (_lock)
        {
            if (count > _free.Count)
                return null;
            var taken = _free[..count];
            _free.RemoveRange(0, count);
            return taken;
        }
    }

    public void Return(IReadOnlyList<string> taken)
    {
        lock (_lock)
            _free.AddRange(taken);
    }
}

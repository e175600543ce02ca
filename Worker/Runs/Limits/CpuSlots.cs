namespace HiveMind.Workers.Runs;

/// <summary>
/// Which processors belong to which run: as many whole ones as it reserved cores, rounded up, those with the least reserved on them. So a
/// program that asks how many there are hears its own number, and neighbours do not meet on the first one.
/// </summary>
public sealed class CpuSlots(IReadOnlyList<int> processors)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<int, double> _reserved = processors.ToDictionary(one => one, _ => 0.0);

    /// <summary>Until it is disposed.</summary>
    public CpuShare Take(double cores)
    {
        var wanted = Math.Clamp((int)Math.Ceiling(cores), 1, Math.Max(1, processors.Count));
        lock (_lock)
        {
            int[] taken = [.. _reserved.OrderBy(one => one.Value).ThenBy(one => one.Key).Take(wanted).Select(one => one.Key).Order()];
            var share = cores / wanted;
            foreach (var one in taken) _reserved[one] += share;
            return new CpuShare(taken, () => Return(taken, share));
        }
    }

    private void Return(int[] taken, double share)
    {
        lock (_lock)
            foreach (var one in taken) _reserved[one] -= share;
    }

    /// <summary>"0,2-4" as the kernel writes lists of processors; null for what is none.</summary>
    public static IReadOnlyList<int>? Parse(string text)
    {
        List<int> found = [];
        foreach (var part in text.Trim().Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            var ends = part.Split('-');
            if (!int.TryParse(ends[0], out var first) || !int.TryParse(ends[^1], out var last) || last < first || last - first > 4096) return null;
            found.AddRange(Enumerable.Range(first, last - first + 1));
        }
        return found.Count > 0 ? found : null;
    }
}

/// <summary>The processors of one run.</summary>
public sealed class CpuShare(IReadOnlyList<int> processors, Action returned) : IDisposable
{
    private Action? _returned = returned;

    public IReadOnlyList<int> Processors => processors;

    public void Dispose() => Interlocked.Exchange(ref _returned, null)?.Invoke();
}

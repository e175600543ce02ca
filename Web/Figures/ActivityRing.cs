using HiveMind.Storage;

namespace HiveMind.Web.Figures;

/// <summary>The last quarter of an hour in slots of ten seconds: a fixed number of them, however long the hub runs. Pure; one caller at a time.</summary>
public sealed class ActivityRing
{
    public const int Slots = 90;
    public static readonly TimeSpan SlotLength = TimeSpan.FromSeconds(10);

    private readonly Dictionary<long, EndedSlot> _ended = [];
    private readonly Dictionary<long, (long Waiting, long Running)> _seen = [];

    public static TimeSpan Length => Slots * SlotLength;

    internal int Remembered => Math.Max(_ended.Count, _seen.Count);

    /// <summary>From when the history must be asked again: all of it at first, then only what can still grow.</summary>
    public DateTimeOffset AskFrom(DateTimeOffset now, DateTimeOffset? lastAsked) =>
        Start(lastAsked is { } last && last > now - Length ? Slot(last) - 1 : Slot(now) - Slots + 1);

    /// <summary>What ended, as the history has it now: a slot that is given replaces what was known of it.</summary>
    public void Ended(IEnumerable<EndedSlot> slots)
    {
        foreach (var slot in slots) _ended[slot.Slot] = slot;
    }

    public void Seen(DateTimeOffset now, long waiting, long running) => _seen[Slot(now)] = (waiting, running);

    /// <summary>The slots up to now, oldest first, always the same number; what is older is forgotten.</summary>
    public IReadOnlyList<ActivityPoint> Points(DateTimeOffset now)
    {
        var first = Slot(now) - Slots + 1;
        Forget(_ended, first);
        Forget(_seen, first);
        return [.. Enumerable.Range(0, Slots).Select(i => Point(first + i))];
    }

    private ActivityPoint Point(long slot)
    {
        var ended = _ended.GetValueOrDefault(slot) ?? new(slot, 0, 0, 0, 0, 0, 0, 0);
        var (waiting, running) = _seen.TryGetValue(slot, out var seen) ? ((long?)seen.Waiting, (long?)seen.Running) : (null, null);
        return new(Start(slot), ended.Completed, ended.Failed, ended.Cancelled, ended.TimedOut, ended.Started, ended.WaitedMs, ended.LongestWaitMs, waiting, running);
    }

    private static void Forget<T>(Dictionary<long, T> slots, long first)
    {
        foreach (var slot in slots.Keys.Where(slot => slot < first).ToList()) slots.Remove(slot);
    }

    private static long Slot(DateTimeOffset at) => at.ToUnixTimeMilliseconds() / (long)SlotLength.TotalMilliseconds;

    private static DateTimeOffset Start(long slot) => DateTimeOffset.FromUnixTimeMilliseconds(slot * (long)SlotLength.TotalMilliseconds);
}

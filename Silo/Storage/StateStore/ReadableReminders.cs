using System.Globalization;

namespace HiveMind.Storage;

/// <summary>
/// Orleans' reminders in Redis come a stretch of the ring at a time, and one row that cannot be read fails the whole stretch: no node behind it would hear its
/// reminder. Here the stretch is read in halves, and those in halves, until only that row's own place is left out.
/// </summary>
internal sealed class ReadableReminders(IReminderTable inner) : IReminderTable
{
    /// <summary>A row costs about 60. With more, the stretch fails as it did.</summary>
    internal const int MostReads = 4096;

    public async Task<ReminderTableData> ReadRows(uint begin, uint end)
    {
        try
        {
            return await inner.ReadRows(begin, end);
        }
        catch (Exception e) when (!IsAway(e))
        {
            var found = new List<ReminderEntry>();
            if (unchecked(end - begin) == 1) Meet(end, e);
            else await ReadHalves(begin, end, found, new Reads());
            return new ReminderTableData(found);
        }
    }

    private async Task ReadHalves(uint begin, uint end, List<ReminderEntry> found, Reads reads)
    {
        // Of the whole ring begin and end are the same, and so is their distance to that of nothing.
        var half = begin == end ? 1u << 31 : unchecked(end - begin) / 2;
        foreach (var (from, to) in new[] { (begin, unchecked(begin + half)), (unchecked(begin + half), end) })
        {
            if (++reads.Count > MostReads) throw new InvalidOperationException($"More of the reminders than {MostReads} reads can go around cannot be read.");
            try
            {
                found.AddRange((await inner.ReadRows(from, to)).Reminders);
            }
            catch (Exception e) when (!IsAway(e))
            {
                if (unchecked(to - from) > 1) await ReadHalves(from, to, found, reads);
                else Meet(to, e);
            }
        }
    }

    private static void Meet(uint place, Exception cause) =>
        UnreadableRecords.Meet(string.Create(CultureInfo.InvariantCulture, $"reminders/{place:X8}"), cause);

    /// <summary>The provider keeps the text of what it met only.</summary>
    private static bool IsAway(Exception error)
    {
        for (var e = error; e is not null; e = e.InnerException)
        {
            if (e is StackExchange.Redis.RedisException or TimeoutException or OperationCanceledException or ObjectDisposedException) return true;
            foreach (var away in new[] { "StackExchange.Redis.", nameof(TimeoutException), nameof(OperationCanceledException), "TaskCanceledException", nameof(ObjectDisposedException) })
                if (e.Message.Contains(away, StringComparison.Ordinal)) return true;
        }
        return false;
    }

    public Task StartAsync(CancellationToken cancellationToken = default) => inner.StartAsync(cancellationToken);

    public Task StopAsync(CancellationToken cancellationToken = default) => inner.StopAsync(cancellationToken);

    public Task<ReminderTableData> ReadRows(GrainId grainId) => inner.ReadRows(grainId);

    public Task<ReminderEntry?> ReadRow(GrainId grainId, string reminderName) => inner.ReadRow(grainId, reminderName);

    public Task<string?> UpsertRow(ReminderEntry entry) => inner.UpsertRow(entry);

    public Task<bool> RemoveRow(GrainId grainId, string reminderName, string eTag) => inner.RemoveRow(grainId, reminderName, eTag);

    public Task TestOnlyClearTable() => inner.TestOnlyClearTable();

    private sealed class Reads
    {
        public int Count;
    }
}

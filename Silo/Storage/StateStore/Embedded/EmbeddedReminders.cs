using System.Buffers.Binary;
using System.Text;

namespace HiveMind.Storage;

/// <summary>Orleans' reminders on the embedded state store, in the order of the ring.</summary>
internal sealed class EmbeddedReminders(GroupCommit commit, StateStoreReaders readers) : IReminderTable
{
    public Task<ReminderEntry?> ReadRow(GrainId grainId, string reminderName)
    {
        var key = StateStoreLayout.Reminder(grainId, reminderName);
        return Task.FromResult(readers.Read(reader => reader.Find(key)) is { } found ? Unpack(found) : null);
    }

    public Task<ReminderTableData> ReadRows(GrainId grainId) =>
        Task.FromResult(new ReminderTableData(Between(StateStoreLayout.Reminder(grainId, ""), StateStoreLayout.AfterReminders(grainId.GetUniformHashCode()))
            .Where(entry => entry.GrainId == grainId)));

    /// <summary>A stretch of the ring, without its begin and with its end; all of it where both are the same.</summary>
    public Task<ReminderTableData> ReadRows(uint begin, uint end)
    {
        var (from, to) = (StateStoreLayout.AfterReminders(begin), StateStoreLayout.AfterReminders(end));
        return Task.FromResult(new ReminderTableData(begin < end
            ? Between(from, to)
            : Between(from, StateStoreLayout.After('r')).Concat(Between(StateStoreLayout.Key("r/"), to))));
    }

    public async Task<string?> UpsertRow(ReminderEntry entry)
    {
        var (key, value, etag) = (StateStoreLayout.Reminder(entry.GrainId, entry.ReminderName), Pack(entry), Guid.NewGuid());
        await commit.Write(change =>
        {
            change.Put(key, etag, value);
            return true;
        });
        return etag.ToString();
    }

    public Task<bool> RemoveRow(GrainId grainId, string reminderName, string eTag)
    {
        var key = StateStoreLayout.Reminder(grainId, reminderName);
        return commit.Write(change =>
        {
            if (change.Find(key) is not { } stored || !Guid.TryParse(eTag, out var asked) || stored.Etag != asked) return false;
            change.Remove(stored);
            return true;
        });
    }

    public Task TestOnlyClearTable() => commit.Write(change =>
    {
        foreach (var found in readers.Read(reader => reader.Range(StateStoreLayout.Key("r/"), StateStoreLayout.After('r'))))
            if (change.Find(found.Key) is { } stored) change.Remove(stored);
        return true;
    });

    /// <summary>Stored: start and period in ticks, then the grain's text, length first, then the name's.</summary>
    public static ReminderEntry Unpack(FoundRecord found)
    {
        var value = found.Value.AsSpan();
        var grain = BinaryPrimitives.ReadInt32LittleEndian(value[16..]);
        return new ReminderEntry
        {
            StartAt = DateTime.FromBinary(BinaryPrimitives.ReadInt64LittleEndian(value)),
            Period = TimeSpan.FromTicks(BinaryPrimitives.ReadInt64LittleEndian(value[8..])),
            GrainId = GrainId.Parse(Encoding.UTF8.GetString(value.Slice(20, grain))),
            ReminderName = Encoding.UTF8.GetString(value[(20 + grain)..]),
            ETag = found.Etag.ToString(),
        };
    }

    private static byte[] Pack(ReminderEntry entry)
    {
        var grain = Encoding.UTF8.GetBytes(entry.GrainId.ToString());
        var head = new byte[20];
        BinaryPrimitives.WriteInt64LittleEndian(head, entry.StartAt.ToBinary());
        BinaryPrimitives.WriteInt64LittleEndian(head.AsSpan(8), entry.Period.Ticks);
        BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(16), grain.Length);
        return [.. head, .. grain, .. Encoding.UTF8.GetBytes(entry.ReminderName)];
    }

    private IEnumerable<ReminderEntry> Between(byte[] from, byte[] below) => readers.Read(reader => reader.Range(from, below)).Select(TryUnpack).OfType<ReminderEntry>();

    /// <summary>One that cannot be read stops none of the others.</summary>
    private static ReminderEntry? TryUnpack(FoundRecord found)
    {
        try
        {
            return Unpack(found);
        }
        catch (Exception damaged) when (damaged is ArgumentException or FormatException or OverflowException)
        {
            UnreadableRecords.Meet($"reminders/{Convert.ToHexString(found.Key)}", damaged);
            return null;
        }
    }
}

using System.Diagnostics.CodeAnalysis;
using System.Text;
using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Storage;

/// <summary>
/// The packed record of the unfinished index, about 100 bytes. Stored: never change a version; a new layout is a new one beside it, with
/// a golden record in the tests, and the older ones stay readable.
/// </summary>
internal static class UnfinishedRecord
{
    private const byte Version1 = 1, Version2 = 2, Version3 = 3, Version4 = 4;

    /// <summary>What this program writes. The state store's schema grows with it (<see cref="StateStoreVersions"/>), so that older programs do not start on it.</summary>
    public const byte Newest = Version4;

    /// <summary>The task id is the hash field, so it is not in the record.</summary>
    public static byte[] Pack(PendingTask task)
    {
        using var bytes = new MemoryStream(128);
        using var to = new BinaryWriter(bytes, Encoding.UTF8);
        to.Write(task.FailedOn.Length == 0 ? Version3 : Version4); // few have failed anywhere
        to.Write((byte)task.Priority);
        to.Write(task.Resources.MilliCores);
        to.Write(task.Resources.MemoryMb);
        to.Write(task.Resources.Gpus);
        to.Write(task.SubmittedAt.UtcTicks);
        to.Write(task.NotBefore.UtcTicks);
        to.Write(task.UserId);
        to.Write(task.TaskType);
        to.Write(task.Resources.DiskMb);
        to.Write(task.RunTimeout.Ticks);
        to.Write(task.StartBy?.UtcTicks ?? 0);
        to.Write(task.Role);
        to.Write(task.Labels);
        to.Write(task.HoldMicros);
        to.Write(task.PayloadBytes);
        if (task.FailedOn.Length > 0) to.Write(task.FailedOn);
        to.Flush();
        return bytes.ToArray();
    }

    /// <param name="taskId">The hash field.</param>
    /// <param name="record">The hash value.</param>
    /// <param name="words">Where many records are read and kept: their accounts, types and labels are few, and each is kept once.</param>
    public static PendingTask Unpack(string taskId, byte[] record, HashSet<string>? words = null)
    {
        using var from = new BinaryReader(new MemoryStream(record), Encoding.UTF8);
        var version = from.ReadByte();
        if (version is not (Version1 or Version2 or Version3 or Version4))
        {
            throw new InvalidDataException($"Unfinished record of task {taskId} has version {version}; this program knows {Version1} to {Version4}.");
        }
        var priority = (TaskPriority)from.ReadByte();
        var resources = new ResourceRequest(from.ReadInt32(), from.ReadInt32(), from.ReadInt32());
        var submitted = Moment(from.ReadInt64());
        var notBefore = Moment(from.ReadInt64());
        var task = new PendingTask(taskId, Word(), Word(), priority, resources, submitted, notBefore);
        if (version == Version1) return task;
        task = task with
        {
            Resources = resources with { DiskMb = from.ReadInt32() },
            RunTimeout = TimeSpan.FromTicks(from.ReadInt64()),
            StartBy = from.ReadInt64() is > 0 and var ticks ? Moment(ticks) : null,
            Role = Word(),
            Labels = Word(),
        };
        // Before version 3 nothing was held; the sweeper writes such an entry anew from its record.
        if (version == Version2) return task;
        task = task with { HoldMicros = from.ReadInt64(), PayloadBytes = from.ReadInt64() };
        return version == Version3 ? task : task with { FailedOn = Word() };

        string Word()
        {
            var word = from.ReadString();
            if (words is null || word.Length == 0) return word;
            if (words.TryGetValue(word, out var known)) return known;
            words.Add(word);
            return word;
        }
    }

    /// <summary>False for a record that this program cannot read: newer, or damaged. A reader of many skips it.</summary>
    public static bool TryUnpack(string taskId, byte[] record, HashSet<string>? words, [NotNullWhen(true)] out PendingTask? task, out bool isNewer)
    {
        (task, isNewer) = (null, record.Length > 0 && record[0] > Newest);
        if (isNewer || !TaskIds.IsValid(taskId)) return false;
        try
        {
            task = Unpack(taskId, record, words);
            return true;
        }
        catch (Exception damaged) when (damaged is IOException or InvalidDataException or ArgumentException or FormatException)
        {
            return false;
        }
    }

    private static DateTimeOffset Moment(long utcTicks) => new(utcTicks, TimeSpan.Zero);
}

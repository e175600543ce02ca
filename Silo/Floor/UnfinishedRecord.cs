using System.Text;
using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Storage;

/// <summary>
/// The packed record of the unfinished index, about 100 bytes. Stored: never change version 1; a new layout is a new version beside it,
/// and a golden record in the tests.
/// </summary>
internal static class UnfinishedRecord
{
    private const byte Version1 = 1;

    /// <summary>The task id is the hash field, so it is not in the record.</summary>
    public static byte[] Pack(PendingTask task)
    {
        using var bytes = new MemoryStream(96);
        using var to = new BinaryWriter(bytes, Encoding.UTF8);
        to.Write(Version1);
        to.Write((byte)task.Priority);
        to.Write(task.Resources.MilliCores);
        to.Write(task.Resources.MemoryMb);
        to.Write(task.Resources.Gpus);
        to.Write(task.SubmittedAt.UtcTicks);
        to.Write(task.NotBefore.UtcTicks);
        to.Write(task.UserId);
        to.Write(task.TaskType);
        to.Flush();
        return bytes.ToArray();
    }

    public static PendingTask Unpack(string taskId, byte[] record)
    {
        using var from = new BinaryReader(new MemoryStream(record), Encoding.UTF8);
        var version = from.ReadByte();
        if (version != Version1)
        {
            throw new InvalidDataException($"Unfinished record of task {taskId} has version {version}; this program knows {Version1}.");
        }
        var priority = (TaskPriority)from.ReadByte();
        var resources = new ResourceRequest(from.ReadInt32(), from.ReadInt32(), from.ReadInt32());
        var submitted = new DateTimeOffset(from.ReadInt64(), TimeSpan.Zero);
        var notBefore = new DateTimeOffset(from.ReadInt64(), TimeSpan.Zero);
        return new PendingTask(taskId, from.ReadString(), from.ReadString(), priority, resources, submitted, notBefore);
    }
}

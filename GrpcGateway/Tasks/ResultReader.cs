using HiveMind.Edge;
using HiveMind.Storage;

namespace HiveMind.Tasks;

/// <summary>
/// Both outputs of a task within one message. Each may be as large as a message alone; the result is what was asked for and comes whole,
/// stderr then gives its last lines, where the error stands.
/// </summary>
internal static class ResultReader
{
    private const int StderrTail = 64 * 1024;
    /// <summary>Room for the other fields.</summary>
    private const int Reserve = 1024;

    public static async Task<(byte[] Result, byte[] Stderr)> Read(IFiles files, TaskSnapshot task, CancellationToken cancel) =>
        (await files.Read(task.Result, cancel), await ReadTail(files, task.Stderr, StderrRoom(task), cancel));

    /// <summary>How many bytes of stderr fit.</summary>
    public static long StderrRoom(TaskSnapshot task)
    {
        var room = Math.Max(0, Limits.MessageBytes - Reserve - task.Result.Size - Text.Bytes(task.ErrorMessage));
        return task.Stderr.Size <= room ? task.Stderr.Size : Math.Min(StderrTail, room);
    }

    private static async Task<byte[]> ReadTail(IFiles files, BlobRef blob, long length, CancellationToken cancel)
    {
        if (length == blob.Size) return await files.Read(blob, cancel);
        await using var stream = files.OpenRead(blob);
        stream.Seek(-length, SeekOrigin.End);
        var tail = new byte[length];
        await stream.ReadExactlyAsync(tail, cancel);
        return tail;
    }
}

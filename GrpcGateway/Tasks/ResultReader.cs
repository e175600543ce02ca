using HiveMind.Edge;
using HiveMind.Storage;

namespace HiveMind.Tasks;

/// <summary>
/// Both outputs of a task within one answer. The result is what was asked for and comes whole or not at all; of stderr there is as much as fits
/// beside it, else its last lines, where the error stands.
/// </summary>
internal static class ResultReader
{
    private const int StderrTail = 64 * 1024;
    /// <summary>Room for the other fields: ids, words and hashes of known lengths.</summary>
    private const int Reserve = 1024;

    /// <summary>FailedPrecondition where the answer would be larger than clients take.</summary>
    public static void RequireFits(TaskSnapshot task)
    {
        if (task.Result.Size > Room(task))
            throw HiveMindException.Precondition("RESULT_TOO_LARGE", $"The output has {task.Result.Size} bytes, more than one answer holds: use DownloadResult.");
    }

    /// <summary>How many bytes of the files will be read.</summary>
    public static long Weight(TaskSnapshot task) => task.Result.Size + StderrRoom(task);

    public static async Task<(byte[] Result, byte[] Stderr)> Read(IFiles files, TaskSnapshot task, CancellationToken cancel) =>
        (await files.Read(task.Result, cancel), await ReadTail(files, task.Stderr, StderrRoom(task), cancel));

    /// <summary>How many bytes of stderr fit.</summary>
    public static long StderrRoom(TaskSnapshot task)
    {
        var room = Math.Max(0, Room(task) - task.Result.Size);
        return task.Stderr.Size <= room ? task.Stderr.Size : Math.Min(StderrTail, room);
    }

    private static long Room(TaskSnapshot task) => Limits.AnswerBytes - Reserve - Text.Bytes(task.ErrorMessage) - Text.Bytes(task.Reason);

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

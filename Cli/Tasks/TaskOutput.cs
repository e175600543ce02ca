using System.Security.Cryptography;
using Google.Protobuf;
using Grpc.Core;
using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>Where a task's output is wanted.</summary>
internal sealed record OutputWish(string? File = null, bool OnlyStderr = false);

/// <summary>Hands a task's output on, byte for byte and in pieces: its standard output to ours (or a file), its standard error to ours.</summary>
internal static class TaskOutput
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(200), OutagePatience = TimeSpan.FromMinutes(2);

    public static async Task<int> Show(HubClient hub, Terminal terminal, string taskId, OutputWish wish, CancellationToken stop)
    {
        if (terminal.Json && wish.File is null)
        {
            var result = await Whole(hub, taskId, stop);
            terminal.Result("", TaskShapes.Result(taskId, result));
            return result.State == TaskState.Completed ? ExitCodes.Ok : ExitCodes.TaskFailed;
        }

        var first = wish.OnlyStderr ? "stderr" : "stdout";
        var got = wish.File is { } file ? await ToFile(hub, taskId, first, file, stop) : await ToStream(hub, taskId, first, ForeignBytes.StandardOutput, stop);
        if (!wish.OnlyStderr && !terminal.Json)
        {
            await ToStream(hub, taskId, "stderr", ForeignBytes.StandardError, stop);
        }

        var task = await hub.Tasks.GetTaskStatusAsync(new GetTaskStatusRequest { TaskId = taskId }, cancellationToken: stop);
        if (terminal.Json)
        {
            terminal.Result("", TaskShapes.Saved(task, wish.File!, got));
        }

        return WatchVerb.Ended(terminal, task);
    }

    /// <summary>As one answer where it fits into one, else put together from downloads.</summary>
    private static async Task<GetTaskResultResponse> Whole(HubClient hub, string taskId, CancellationToken stop)
    {
        try
        {
            return await hub.Tasks.GetTaskResultAsync(new GetTaskResultRequest { TaskId = taskId }, cancellationToken: stop);
        }
        catch (RpcException large) when (RpcFailure.ReasonOf(large) == "RESULT_TOO_LARGE")
        {
            var task = await hub.Tasks.GetTaskStatusAsync(new GetTaskStatusRequest { TaskId = taskId }, cancellationToken: stop);
            using var stdout = new MemoryStream();
            using var stderr = new MemoryStream();
            var header = await Copy(hub, taskId, "stdout", stdout, stop);
            await Copy(hub, taskId, "stderr", stderr, stop);
            return new GetTaskResultResponse
            {
                Success = true, Status = task.Status, State = task.State, Reason = task.State == TaskState.Completed ? "" : task.Reason,
                Result = UnsafeByteOperations.UnsafeWrap(stdout.ToArray()), Stderr = UnsafeByteOperations.UnsafeWrap(stderr.ToArray()),
                ErrorMessage = task.ErrorMessage, ExitCode = task.ExitCode, HasExitCode = task.HasExitCode, TermSignal = task.TermSignal, Sha256 = header.Sha256,
            };
        }
    }

    private static async Task<DownloadHeader> ToFile(HubClient hub, string taskId, string stream, string path, CancellationToken stop)
    {
        await using var file = await OutputFile.Open(path, stop);
        var got = await Copy(hub, taskId, stream, file.Stream, stop);
        await file.Complete();
        return got;
    }

    private static async Task<DownloadHeader> ToStream(HubClient hub, string taskId, string stream, Func<Stream> open, CancellationToken stop)
    {
        await using var target = open();
        return await Copy(hub, taskId, stream, target, stop);
    }

    /// <summary>Goes on behind the last byte when the connection is cut, and checks the hash of the whole.</summary>
    private static async Task<DownloadHeader> Copy(HubClient hub, string taskId, string stream, Stream target, CancellationToken stop)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var header = new DownloadHeader();
        var position = 0L;
        var lastByte = TimeProvider.System.GetTimestamp();
        for (var pause = FirstPause; ; pause *= 1.5)
        {
            try
            {
                using var call = hub.Tasks.DownloadResult(
                    new DownloadResultRequest { TaskId = taskId, Stream = stream, Offset = position }, cancellationToken: stop);
                await foreach (var message in call.ResponseStream.ReadAllAsync(stop))
                {
                    header = message.Header ?? header;
                    hash.AppendData(message.Data.Span);
                    await target.WriteAsync(message.Data.Memory, stop);
                    position += message.Data.Length;
                    lastByte = TimeProvider.System.GetTimestamp();
                }

                break;
            }
            catch (RpcException cut) when (RpcFailure.IsCut(cut) && TimeProvider.System.GetElapsedTime(lastByte) < OutagePatience)
            {
                await Task.Delay(pause, stop);
            }
        }

        await target.FlushAsync(stop);
        return position == header.Size && Convert.ToHexStringLower(hash.GetHashAndReset()) == header.Sha256
            ? header
            : throw new CliException(ExitCodes.Unreachable, $"The {stream} that came is not the one that was accepted: try again.", "HASH_MISMATCH");
    }
}

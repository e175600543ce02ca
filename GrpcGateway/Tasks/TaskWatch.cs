using Google.Protobuf;
using Grpc.Core;
using HiveMind.Edge;
using HiveMind.Storage;
using Wire = HiveMind.Protos;

namespace HiveMind.Tasks;

/// <summary>
/// One watcher of one task. It looks rather than subscribes: at the task's record a few times a second and at the partial files of its output
/// more often. So nothing has to be told to anybody, no grain knows of watchers, and any silo can serve any task, before and after a restart.
/// </summary>
internal sealed class TaskWatch(
    ITaskGrain task, IFiles files, IPartialFiles partials, TaskReasons reasons, WatchSlots slots, TimeProvider time)
{
    private static readonly TimeSpan OutputLook = TimeSpan.FromMilliseconds(50), TaskLook = TimeSpan.FromMilliseconds(200), ReasonLook = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan KeepAlive = TimeSpan.FromSeconds(20);

    private readonly Dictionary<string, Stream> _open = [];
    private long _sentAt, _reasonAt;
    private Scheduling.WaitReason? _reason;

    public async Task Run(
        TaskSnapshot first, Wire.WatchTaskRequest request, IServerStreamWriter<Wire.WatchTaskResponse> output, CancellationToken cancel)
    {
        var cursor = new WatchCursor(request.Attempt, request.StdoutPosition, request.StderrPosition);
        _sentAt = time.GetTimestamp();
        try
        {
            for (var now = first; ; now = await task.GetSnapshot() ?? throw HiveMindException.NotFound("task", first.TaskId))
            {
                if (cursor.Follow(now.Attempts.Count == 0 ? 0 : now.Attempts[^1].Attempt)) await CloseAll();
                var hasEnded = TaskMapping.HasEnded(now.State);
                if (hasEnded && request.WithOutput) await SendRest(now, cursor, output, cancel);
                var reason = await ReasonOf(now, cancel);
                if (cursor.IsNews(now.State, reason.Reason, reason.Text, cursor.Attempt))
                    await Send(new() { Snapshot = TaskMapping.ToStatus(now, reason) }, output, cancel);
                if (hasEnded) return;
                // Also while it is only assigned: that it began is heard after what it printed first.
                await Pause(request.WithOutput && now.State is TaskState.Assigned or TaskState.Running, now.TaskId, cursor, output, cancel);
            }
        }
        finally
        {
            await CloseAll();
        }
    }

    /// <summary>Until the record is looked at again, with a look at the output in between. Many watchers look less often.</summary>
    private async Task Pause(
        bool prints, string taskId, WatchCursor cursor, IServerStreamWriter<Wire.WatchTaskResponse> output, CancellationToken cancel)
    {
        var until = TaskLook * Math.Max(1, slots.Taken / 100.0);
        for (var since = time.GetTimestamp(); time.GetElapsedTime(since) < until;)
        {
            if (prints) foreach (var stream in new[] { OutputStreams.Stdout, OutputStreams.Stderr }) await SendGrown(taskId, stream, cursor, output, cancel);
            if (time.GetElapsedTime(_sentAt) >= KeepAlive) await Send(new() { KeepAlive = new() }, output, cancel);
            await Task.Delay(prints ? OutputLook : until, time, cancel);
        }
    }

    private async Task SendGrown(
        string taskId, string stream, WatchCursor cursor, IServerStreamWriter<Wire.WatchTaskResponse> output, CancellationToken cancel)
    {
        var id = PartialIds.Output(taskId, cursor.Attempt, stream);
        if (!_open.TryGetValue(stream, out var bytes))
        {
            if (partials.OpenRead(id) is not { } opened) return;
            _open.Add(stream, bytes = opened);
            if (opened.Length < cursor.PositionOf(stream)) cursor.Restart(stream);
        }
        else if (bytes.Length <= cursor.PositionOf(stream))
        {
            // Nothing more, or another file stands in its place.
            if (await partials.Length(id, cancel) is not (> 0 and var length) || length >= bytes.Length) return;
            _open.Remove(stream);
            await bytes.DisposeAsync();
            cursor.Restart(stream);
            return;
        }

        await SendFrom(bytes, stream, cursor, output, cancel);
    }

    /// <summary>The accepted output, from where the watcher is: the same bytes at the same positions as while it ran.</summary>
    private async Task SendRest(TaskSnapshot ended, WatchCursor cursor, IServerStreamWriter<Wire.WatchTaskResponse> output, CancellationToken cancel)
    {
        foreach (var stream in new[] { OutputStreams.Stdout, OutputStreams.Stderr })
        {
            var blob = OutputStreams.Of(ended, stream);
            if (blob.Size > 0 && cursor.PositionOf(stream) > blob.Size) cursor.Restart(stream);
            if (cursor.PositionOf(stream) >= blob.Size) continue;
            await using var bytes = files.OpenRead(blob);
            await SendFrom(bytes, stream, cursor, output, cancel);
        }
    }

    private async Task SendFrom(
        Stream bytes, string stream, WatchCursor cursor, IServerStreamWriter<Wire.WatchTaskResponse> output, CancellationToken cancel)
    {
        bytes.Position = cursor.PositionOf(stream);
        while (await ByteStreams.ReadChunk(bytes, cancel) is { } data)
        {
            var printed = new Wire.WatchOutput { Attempt = cursor.Attempt, Stream = stream, Position = cursor.PositionOf(stream), Data = data };
            await Send(new() { Output = printed }, output, cancel);
            cursor.Sent(stream, data.Length);
        }
    }

    private async Task Send(Wire.WatchTaskResponse message, IServerStreamWriter<Wire.WatchTaskResponse> output, CancellationToken cancel)
    {
        if (!await StreamPatience.Within(output.WriteAsync(message, cancel), Limits.StreamIdle, time))
            throw HiveMindException.Exhausted("SLOW_READER", "Nothing was read for 30 s: watch again from the positions you have.", TimeSpan.FromSeconds(1));
        _sentAt = time.GetTimestamp();
    }

    /// <summary>Why it waits changes with the queue, and is asked less often than the rest.</summary>
    private async Task<Scheduling.WaitReason> ReasonOf(TaskSnapshot now, CancellationToken cancel)
    {
        if (now.State != TaskState.Pending) _reason = null;
        else if (_reason is not null && time.GetElapsedTime(_reasonAt) < ReasonLook) return _reason;
        var reason = await reasons.Of(now, cancel);
        if (now.State == TaskState.Pending) (_reason, _reasonAt) = (reason, time.GetTimestamp());
        return reason;
    }

    private async Task CloseAll()
    {
        foreach (var stream in _open.Values) await stream.DisposeAsync();
        _open.Clear();
    }
}

using Grpc.Core;
using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>Where what a watched task does is shown.</summary>
internal interface IWatchSink
{
    void Snapshot(GetTaskStatusResponse task);
    /// <summary>False: these bytes do not continue what was shown; they are wanted from the stream's beginning.</summary>
    Task<bool> Output(WatchOutput output, CancellationToken stop);
    /// <summary>All that will come has come. False: this stream is wanted from its beginning.</summary>
    bool IsComplete(string stream);
    void HubAway();
}

/// <summary>Follows a task to its end, through outages of the hub: each connection goes on where the last one was cut.</summary>
internal sealed class TaskFollow(HubClient hub, TimeProvider time, IWatchSink sink)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100), MostPause = TimeSpan.FromSeconds(2), OutagePatience = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan Silence = TimeSpan.FromMinutes(1); // three times the pace of keep-alives
    private static readonly string[] Streams = ["stdout", "stderr"];

    private readonly Dictionary<string, long> positions = Streams.ToDictionary(stream => stream, _ => 0L);
    private int attempt;
    private GetTaskStatusResponse last = new();
    private long lastAnswer;

    public static bool HasEnded(TaskState state) =>
        state is TaskState.Completed or TaskState.Failed or TaskState.Cancelled or TaskState.TimedOut;

    public async Task<GetTaskStatusResponse> UntilEnded(string taskId, bool withOutput, CancellationToken stop)
    {
        lastAnswer = time.GetTimestamp();
        for (var pause = FirstPause; ; pause = pause * 2 < MostPause ? pause * 2 : MostPause)
        {
            try
            {
                var before = lastAnswer;
                if (await Watch(taskId, withOutput, stop))
                {
                    return last;
                }

                pause = lastAnswer == before ? pause : FirstPause;
            }
            catch (RpcException away) when (IsPassing(away, stop) && time.GetElapsedTime(lastAnswer) < OutagePatience)
            {
                sink.HubAway();
            }

            await Task.Delay(pause, time, stop);
        }
    }

    /// <summary>One connection. True: the task has ended and all of it was shown.</summary>
    private async Task<bool> Watch(string taskId, bool withOutput, CancellationToken stop)
    {
        await hub.RenewIfNeeded(stop);
        using var call = hub.Tasks.WatchTask(new WatchTaskRequest
        {
            TaskId = taskId, WithOutput = withOutput, Attempt = attempt, StdoutPosition = positions["stdout"], StderrPosition = positions["stderr"],
        }, cancellationToken: stop);
        while (await Next(call.ResponseStream, stop))
        {
            var message = call.ResponseStream.Current;
            lastAnswer = time.GetTimestamp();
            switch (message.MessageCase)
            {
                case WatchTaskResponse.MessageOneofCase.Snapshot:
                    sink.Snapshot(last = message.Snapshot);
                    break;
                case WatchTaskResponse.MessageOneofCase.Output when !await Show(message.Output, stop):
                    return false;
                default:
                    await hub.RenewIfNeeded(stop); // a login that is watched with is used
                    break;
            }
        }

        return HasEnded(last.State) && Streams.All(IsComplete);
    }

    /// <summary>A hub that says nothing, not even that it is there, is away: its machine may have gone without a word.</summary>
    private async Task<bool> Next(IAsyncStreamReader<WatchTaskResponse> messages, CancellationToken stop)
    {
        try
        {
            return await messages.MoveNext(stop).WaitAsync(Silence, time, stop);
        }
        catch (TimeoutException)
        {
            throw new RpcException(new Status(StatusCode.Unavailable, "The hub has been silent for a minute."));
        }
    }

    private async Task<bool> Show(WatchOutput output, CancellationToken stop)
    {
        if (output.Attempt != attempt)
        {
            attempt = output.Attempt;
            foreach (var stream in Streams)
            {
                positions[stream] = 0;
            }
        }

        var continues = await sink.Output(output, stop);
        positions[output.Stream] = continues ? output.Position + output.Data.Length : 0;
        return continues;
    }

    private bool IsComplete(string stream)
    {
        if (sink.IsComplete(stream))
        {
            return true;
        }

        positions[stream] = 0;
        return false;
    }

    private static bool IsPassing(RpcException away, CancellationToken stop) =>
        RpcFailure.IsCut(away) || away.StatusCode == StatusCode.ResourceExhausted
        || (away.StatusCode == StatusCode.Cancelled && !stop.IsCancellationRequested);
}

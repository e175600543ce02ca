using Grpc.Core;
using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>
/// Sends batches and hands on their answers, two on their way. A cut stream is begun again with what is not answered yet: the request ids
/// make that the same tasks.
/// </summary>
internal sealed class ManySubmit(HubClient hub, LineBatches source, Action<NumberedTask, SubmittedTask> answered, TimeProvider time)
{
    private const int Window = 2;
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(200), MostPause = TimeSpan.FromSeconds(5), OutagePatience = TimeSpan.FromMinutes(2);

    private readonly List<IReadOnlyList<NumberedTask>> unanswered = [];
    private Task<IReadOnlyList<NumberedTask>?>? next;
    private bool ended;
    private long lastProgress;

    public async Task Run(CancellationToken stop)
    {
        lastProgress = time.GetTimestamp();
        for (var pause = FirstPause; ; pause = pause * 2 < MostPause ? pause * 2 : MostPause)
        {
            var before = lastProgress;
            try
            {
                await hub.RenewIfNeeded(stop);
                using var call = hub.Tasks.SubmitTasks(cancellationToken: stop);
                await Converse(call, stop);
                return;
            }
            catch (RpcException cut) when (IsPassing(cut) && time.GetElapsedTime(lastProgress) < OutagePatience)
            {
                if (lastProgress != before) pause = FirstPause;
            }

            await Task.Delay(pause, time, stop);
        }
    }

    private async Task Converse(AsyncDuplexStreamingCall<SubmitTasksRequest, SubmitTasksResponse> call, CancellationToken stop)
    {
        var sent = 0;
        Task<bool>? answer = null;
        while (true)
        {
            while (sent < unanswered.Count) await Write(call, answer, unanswered[sent++], stop);
            if (ended && unanswered.Count == 0) break;
            if (!ended && unanswered.Count < Window) next ??= source.Next(stop);
            if (unanswered.Count > 0) answer ??= call.ResponseStream.MoveNext(stop);
            await Task.WhenAny(new Task?[] { next, answer }.OfType<Task>());
            if (answer is { IsCompleted: true })
            {
                if (!await answer) throw Cut("The hub ended the stream before it had answered.");
                answer = null;
                sent--;
                Note(call.ResponseStream.Current);
                await hub.RenewIfNeeded(stop);
            }
            else if (next is { IsCompleted: true })
            {
                if (await next is { } batch) unanswered.Add(batch);
                else ended = true;
                next = null;
            }
        }

        await call.RequestStream.CompleteAsync();
        await call.ResponseStream.MoveNext(stop);
    }

    private static async Task Write(
        AsyncDuplexStreamingCall<SubmitTasksRequest, SubmitTasksResponse> call, Task<bool>? answer, IReadOnlyList<NumberedTask> batch, CancellationToken stop)
    {
        try
        {
            await call.RequestStream.WriteAsync(new SubmitTasksRequest { Tasks = { batch.Select(task => task.Request).OfType<SubmitTaskRequest>() } }, stop);
        }
        catch (InvalidOperationException)
        {
            await (answer ?? call.ResponseStream.MoveNext(stop)); // the call is over; this says why
            throw Cut("The hub ended the stream.");
        }
    }

    /// <summary>What was not taken for a passing reason stays unanswered, and is sent again after a pause.</summary>
    private void Note(SubmitTasksResponse response)
    {
        var batch = unanswered[0];
        var results = response.Results.GetEnumerator();
        var again = new List<NumberedTask>();
        foreach (var task in batch)
        {
            SubmittedTask? result = null;
            if (task.Request is not null) result = results.MoveNext() ? results.Current : throw Cut("The hub answered for fewer tasks than it was sent.");
            if (result is { Code: (int)StatusCode.Unavailable }) again.Add(task);
            else answered(task, result ?? new SubmittedTask { Code = (int)StatusCode.InvalidArgument, Reason = "BAD_LINE", Message = task.Problem });
        }

        if (again.Count < batch.Count || batch.Count == 0) lastProgress = time.GetTimestamp();
        if (again.Count == 0)
        {
            unanswered.RemoveAt(0);
            return;
        }

        unanswered[0] = again;
        throw Cut("The hub could not take all tasks.");
    }

    private static RpcException Cut(string why) => new(new Status(StatusCode.Unavailable, why));

    private static bool IsPassing(RpcException cut) => RpcFailure.IsCut(cut)
        || (cut.StatusCode == StatusCode.ResourceExhausted && RpcFailure.ReasonOf(cut) == "TOO_MANY_SUBMIT_STREAMS");
}

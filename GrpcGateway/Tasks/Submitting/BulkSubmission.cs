using Grpc.Core;
using HiveMind.Edge;
using HiveMind.Users;
using Microsoft.Extensions.Hosting;
using Wire = HiveMind.Protos;

namespace HiveMind.Tasks;

/// <summary>
/// A stream of batches: each is answered when all of it is durable or refused, in order. While one is written the next is read and begun, so
/// at most two are here; a caller that is too fast waits, by the flow control of the stream.
/// </summary>
internal sealed class BulkSubmission(
    TaskSubmission submission, ActingAccounts accounts, ISessionCheck sessions, SubmitSlots slots, CallFailures failures, TimeProvider time,
    IHostApplicationLifetime lifetime)
{
    public const int TasksPerBatch = 1000;
    public const int BytesPerBatch = 4 << 20;

    public async Task Run(
        IAsyncStreamReader<Wire.SubmitTasksRequest> input, IServerStreamWriter<Wire.SubmitTasksResponse> output, ServerCallContext context)
    {
        var call = UserCall.Of(context);
        using var slot = slots.Take(call.Caller.UserId);
        await slot.Guard(takenBack => Run(input, output, call, context, slot, takenBack), context.CancellationToken);
    }

    private async Task Run(
        IAsyncStreamReader<Wire.SubmitTasksRequest> input, IServerStreamWriter<Wire.SubmitTasksResponse> output, UserCall call, ServerCallContext context,
        StreamSlot slot, CancellationToken takenBack)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(takenBack, lifetime.ApplicationStopping);
        var underWay = Task.CompletedTask;
        try
        {
            while (await Next(input, underWay, end.Token))
            {
                var batch = input.Current;
                Check(batch);
                if (batch.Tasks.Count > 0) slot.Used(); // an empty message keeps a stream open, not a place that others want
                if (call.Session is { } session) await sessions.Check(session); // a stream may last longer than its login
                var before = underWay;
                underWay = Answer(before, Write(batch, call, context, end.Token), output);
                await before;
            }
        }
        finally
        {
            await underWay; // also when a later batch ended the stream: what was read is answered
        }
    }

    /// <summary>Silence counts only while nothing is under way: a caller may wait for its answer before it goes on.</summary>
    private async Task<bool> Next(IAsyncStreamReader<Wire.SubmitTasksRequest> input, Task underWay, CancellationToken end)
    {
        var next = input.MoveNext(CancellationToken.None);
        await Task.WhenAny(next, underWay).WaitAsync(end);
        if (!next.IsCompleted) await underWay;
        return await StreamPatience.InTime(next.WaitAsync(end), time);
    }

    private static void Check(Wire.SubmitTasksRequest batch) => new FieldProblems()
        .Require(batch.Tasks.Count <= TasksPerBatch, "tasks", "At most 1000 in one message: send more messages.")
        .Require(batch.CalculateSize() <= BytesPerBatch, "tasks", "At most 4 MiB in one message: send more messages, and large programs by UploadPayload.")
        .Found.ThrowIfAny();

    private async Task<Wire.SubmitTasksResponse> Write(Wire.SubmitTasksRequest batch, UserCall call, ServerCallContext context, CancellationToken end)
    {
        var submitters = new Dictionary<string, Task<Caller>>();
        var submissions = await submission.Many(batch.Tasks, request =>
        {
            if (!submitters.TryGetValue(request.UserId, out var submitter))
                submitters.Add(request.UserId, submitter = accounts.Within(call, request.UserId, end));
            return submitter;
        }, end);
        var answer = new Wire.SubmitTasksResponse();
        answer.Results.AddRange(submissions.Select(submission => SubmitMapping.ToSubmitted(submission, submission.Refusal is { } why ? failures.Translate(why, context) : null)));
        return answer;
    }

    private async Task Answer(Task before, Task<Wire.SubmitTasksResponse> writing, IServerStreamWriter<Wire.SubmitTasksResponse> output)
    {
        var answer = await writing;
        await before;
        await StreamPatience.InTime(output.WriteAsync(answer), time);
    }
}

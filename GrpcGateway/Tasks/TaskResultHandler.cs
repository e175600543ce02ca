using Grpc.Core;
using HiveMind.Edge;
using HiveMind.Storage;
using Wire = HiveMind.Protos;

namespace HiveMind.Tasks;

/// <summary>The outputs of a task that has ended: both in one answer, or one of them in chunks.</summary>
internal sealed class TaskResultHandler(VisibleTasks tasks, IFiles files, ExpiredResults expired, EdgeBudgets budgets, DownloadSlots downloads, TimeProvider time)
{
    public async Task<Wire.GetTaskResultResponse> Get(Wire.GetTaskResultRequest request, ServerCallContext context)
    {
        var task = await tasks.Find(request.TaskId, context);
        RequireEnd(task);
        ResultReader.RequireFits(task);
        await OpenCall.Hold(context, budgets.Answers, ResultReader.Weight(task));
        var (result, stderr) = await expired.Told(task.TaskId, () => ResultReader.Read(files, task, context.CancellationToken), context.CancellationToken);
        return TaskMapping.ToResult(task, result, stderr);
    }

    public async Task Download(
        Wire.DownloadResultRequest request, IServerStreamWriter<Wire.DownloadResultResponse> responseStream, ServerCallContext context)
    {
        var stream = request.Stream.Length == 0 ? OutputStreams.Stdout : request.Stream;
        if (!OutputStreams.IsKnown(stream)) throw HiveMindException.Invalid("stream", "\"stdout\" or \"stderr\".");
        var task = await tasks.Find(request.TaskId, context);
        RequireEnd(task);
        var blob = OutputStreams.Of(task, stream);
        if (request.Offset < 0 || request.Offset > blob.Size) throw HiveMindException.Invalid("offset", $"0 to the size, which is {blob.Size}.");
        using var slot = downloads.Take(UserCall.Of(context).Caller.UserId);
        await using var bytes = await expired.Told(task.TaskId, () => Task.FromResult(files.OpenRead(blob)), context.CancellationToken);
        await slot.Guard(async cancel =>
        {
            await responseStream.WriteAsync(new() { Header = new() { Size = blob.Size, Sha256 = blob.Sha256 } }, cancel);
            await ByteStreams.Send(bytes, request.Offset, data => new Wire.DownloadResultResponse { Data = data }, responseStream, time, cancel);
        }, context.CancellationToken);
    }

    private static void RequireEnd(TaskSnapshot task)
    {
        if (!TaskMapping.HasEnded(task.State)) throw HiveMindException.Precondition("TASK_NOT_ENDED", $"The task is {TaskMapping.ToWord(task.State)}.");
    }
}

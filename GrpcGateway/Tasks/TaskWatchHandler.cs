using Grpc.Core;
using HiveMind.Edge;
using Microsoft.Extensions.Hosting;
using Wire = HiveMind.Protos;

namespace HiveMind.Tasks;

/// <summary>A task's states and its output, as they come.</summary>
internal sealed class TaskWatchHandler(
    VisibleTasks tasks, TaskWatches watches, ExpiredResults expired, WatchSlots slots, IHostApplicationLifetime lifetime)
{
    public async Task Watch(Wire.WatchTaskRequest request, IServerStreamWriter<Wire.WatchTaskResponse> responseStream, ServerCallContext context)
    {
        var task = await tasks.Find(request.TaskId, context);
        using var slot = slots.Take(UserCall.Of(context).Caller.UserId);
        var watch = watches.Of(task);
        // A hub that stops does not wait for those who watch: they go on at another, or here when it is back.
        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        await slot.Guard(cancel => expired.Told(task.TaskId, () => watch.Run(task, request, responseStream, cancel), context.CancellationToken), end.Token);
    }
}

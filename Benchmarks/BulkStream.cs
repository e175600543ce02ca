using Grpc.Core;
using HiveMind.Protos;

namespace HiveMind.Benchmarks;

/// <summary>One SubmitTasks from the caller's side: two batches of a thousand on their way.</summary>
internal static class BulkStream
{
    private const int Batch = 1000;

    /// <summary>How many were refused.</summary>
    public static async Task<int> Submit(MasterNodeService.MasterNodeServiceClient hub, Metadata me, int tasks, Func<int, SubmitTaskRequest> task, Action<SubmittedTask>? answered = null)
    {
        using var call = hub.SubmitTasks(me);
        var refused = 0;
        var reading = Task.Run(async () =>
        {
            while (await call.ResponseStream.MoveNext(CancellationToken.None))
            {
                foreach (var result in call.ResponseStream.Current.Results)
                {
                    if (result.Code != 0) refused++;
                    answered?.Invoke(result);
                }
            }
        });
        for (var first = 0; first < tasks; first += Batch)
        {
            var batch = new SubmitTasksRequest();
            for (var i = first; i < Math.Min(tasks, first + Batch); i++) batch.Tasks.Add(task(i));
            await call.RequestStream.WriteAsync(batch);
        }

        await call.RequestStream.CompleteAsync();
        await reading;
        return refused;
    }
}

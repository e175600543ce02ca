using Grpc.Core;

namespace HiveMind.Edge;

/// <summary>The idle limits that grpc-dotnet leaves to us on streams: a silent peer ends the call, and the step left behind ends with it.</summary>
internal static class StreamPatience
{
    public static async Task<T> InTime<T>(Task<T> step, TimeProvider time)
    {
        await InTime((Task)step, time);
        return await step;
    }

    public static async Task InTime(Task step, TimeProvider time)
    {
        if (!await Within(step, Limits.StreamIdle, time))
            throw ErrorMapping.Build(StatusCode.DeadlineExceeded, "STREAM_IDLE", "The stream was silent for 30 s.");
    }

    /// <summary>False when the step did not end in time; its failure, if it has one, is its own.</summary>
    public static async Task<bool> Within(Task step, TimeSpan patience, TimeProvider time)
    {
        try
        {
            await step.WaitAsync(patience, time);
            return true;
        }
        catch (TimeoutException) when (!step.IsCompleted)
        {
            _ = step.ContinueWith(t => t.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
            return false;
        }
    }
}

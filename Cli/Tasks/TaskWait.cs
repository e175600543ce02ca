using Grpc.Core;
using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>Asks until a task has ended: quickly at first, then twice a second, and through an outage of the hub.</summary>
internal sealed class TaskWait(HubClient hub, TimeProvider time, Action<string> say)
{
    private static readonly TimeSpan First = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan Most = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan QuietAtFirst = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan OutagePatience = TimeSpan.FromMinutes(2);

    public async Task<GetTaskStatusResponse> UntilEnded(string taskId, CancellationToken stop)
    {
        var start = time.GetTimestamp();
        var lastAnswer = start;
        var said = "";
        for (var pause = First; ; pause = pause * 1.5 < Most ? pause * 1.5 : Most)
        {
            try
            {
                await hub.RenewIfNeeded(stop);
                var task = await hub.Tasks.GetTaskStatusAsync(new GetTaskStatusRequest { TaskId = taskId }, cancellationToken: stop);
                if (HasEnded(task.State))
                {
                    return task;
                }

                lastAnswer = time.GetTimestamp();
                if (time.GetElapsedTime(start) > QuietAtFirst && task.State == TaskState.Pending)
                {
                    SayOnce($"waiting: {(task.ReasonText.Length > 0 ? task.ReasonText : "for a free node")}");
                }
            }
            catch (RpcException away) when (away.StatusCode is StatusCode.Unavailable or StatusCode.DeadlineExceeded
                && time.GetElapsedTime(lastAnswer) < OutagePatience)
            {
                SayOnce("the hub is away; asking again");
            }

            await Task.Delay(pause, time, stop);
        }

        void SayOnce(string text)
        {
            if (said != text)
            {
                say(said = text);
            }
        }
    }

    public static bool HasEnded(TaskState state) =>
        state is TaskState.Completed or TaskState.Failed or TaskState.Cancelled or TaskState.TimedOut;
}

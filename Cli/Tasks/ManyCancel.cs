using Grpc.Core;
using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>Which tasks to cancel: these ids, or all of these states and this type, or all.</summary>
internal sealed record CancelWish(IReadOnlyList<string> Ids, IReadOnlyList<TaskState> States, string Type, bool All);

/// <summary>What became of them.</summary>
internal readonly record struct CancelCount(int Cancelled, int EndedBefore, int NotFound, int NotRecorded)
{
    public string Sentence
    {
        get
        {
            string[] parts =
            [
                $"{Cancelled} cancelled", EndedBefore > 0 ? $"{EndedBefore} had ended already" : "", NotFound > 0 ? $"{NotFound} not found among your tasks" : "",
                NotRecorded > 0 ? $"{NotRecorded} could not be recorded by the hub now: say it again" : "",
            ];
            return $"{string.Join(", ", parts.Where(part => part.Length > 0))}.";
        }
    }

    public static CancelCount operator +(CancelCount one, CancelCount other) => new(
        one.Cancelled + other.Cancelled, one.EndedBefore + other.EndedBefore, one.NotFound + other.NotFound, one.NotRecorded + other.NotRecorded);
}

/// <summary>Cancels many tasks, a bounded number a call. Said again it does no harm, so what the hub could not record or answer is said again after a pause.</summary>
internal sealed class ManyCancel(HubClient hub, TimeProvider time, Action<CancelCount> progress)
{
    private const int IdsPerCall = 1000, Tries = 4;
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(500);

    public CancelCount SoFar { get; private set; }

    public async Task<CancelCount> Run(CancelWish wish, CancellationToken stop)
    {
        if (wish.Ids.Count == 0)
        {
            await Filtered(wish, stop);
            return SoFar;
        }

        foreach (var ids in wish.Ids.Chunk(IdsPerCall))
        {
            var count = await Patiently(() => Call(new CancelTasksRequest { TaskIds = { ids } }, stop), answer => answer.Failed > 0, stop);
            SoFar += Of(count);
            if (wish.Ids.Count > IdsPerCall)
            {
                progress(SoFar);
            }
        }

        return SoFar;
    }

    /// <summary>Once more from the beginning while something could not be recorded: what was cancelled is in no filter any more.</summary>
    private async Task Filtered(CancelWish wish, CancellationToken stop)
    {
        var pause = FirstPause;
        for (var left = Tries; ; left--)
        {
            var failed = 0;
            var request = new CancelTasksRequest { States = { wish.States }, TaskType = wish.Type, All = wish.All };
            do
            {
                var answer = await Patiently(() => Call(request, stop), _ => false, stop);
                SoFar += Of(answer) with { NotRecorded = 0 };
                failed += answer.Failed;
                request.PageToken = answer.NextPageToken;
                if (request.PageToken.Length > 0)
                {
                    progress(SoFar);
                }
            }
            while (request.PageToken.Length > 0);

            if (failed == 0 || left == 1)
            {
                SoFar = SoFar with { NotRecorded = failed };
                return;
            }

            await Task.Delay(pause, time, stop);
            pause *= 2;
        }
    }

    private async Task<CancelTasksResponse> Patiently(Func<Task<CancelTasksResponse>> call, Func<CancelTasksResponse, bool> isShort, CancellationToken stop)
    {
        var pause = FirstPause;
        for (var left = Tries; ; left--)
        {
            try
            {
                var answer = await call();
                if (left == 1 || !isShort(answer))
                {
                    return answer;
                }
            }
            catch (RpcException cut) when (left > 1 && (RpcFailure.IsCut(cut) || cut.StatusCode == StatusCode.ResourceExhausted))
            {
                // it may have been done: the same again says so
            }

            await Task.Delay(pause, time, stop);
            pause *= 2;
        }
    }

    private async Task<CancelTasksResponse> Call(CancelTasksRequest request, CancellationToken stop)
    {
        await hub.RenewIfNeeded(stop);
        return await hub.Tasks.CancelTasksAsync(request, cancellationToken: stop);
    }

    private static CancelCount Of(CancelTasksResponse answer) => new(answer.Cancelled, answer.AlreadyEnded, answer.NotFound, answer.Failed);
}

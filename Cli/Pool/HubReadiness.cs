using Grpc.Core;
using Grpc.Health.V1;
using HiveMind.Hosting;

namespace HiveMind.Cli;

/// <summary>Waits until a silo that we started serves: by its own word, never because something answers at its port.</summary>
internal static class HubReadiness
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    public static Task<ReadyLine> Wait(ISiloChild silo, CancellationToken stop) => Wait(silo, IsServing, TimeProvider.System, stop);

    public static async Task<ReadyLine> Wait(ISiloChild silo, Func<Uri, CancellationToken, Task<bool>> isServing, TimeProvider time, CancellationToken stop)
    {
        var start = time.GetTimestamp();
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var late = Task.Delay(Patience, time, waiting.Token);
        await Task.WhenAny(silo.Ready, silo.Ended, late);
        await waiting.CancelAsync();
        stop.ThrowIfCancellationRequested();
        await RequireAlive(silo);
        var ready = silo.Ready.IsCompleted ? await silo.Ready : throw TooLate(silo);
        while (!await isServing(ready.Hub, stop))
        {
            await RequireAlive(silo);
            if (time.GetElapsedTime(start) > Patience)
            {
                throw TooLate(silo);
            }

            await Task.Delay(Pause, time, stop);
        }

        await RequireAlive(silo);
        return ready;
    }

    private static async Task RequireAlive(ISiloChild silo)
    {
        if (silo.Ended.IsCompleted)
        {
            throw (await silo.Ended).Failure("The silo did not start");
        }
    }

    private static CliException TooLate(ISiloChild silo) =>
        new(ExitCodes.Unreachable, $"The silo is not ready after {Patience.TotalSeconds} s:\n{silo.Tail}", "SILO_NOT_READY");

    private static async Task<bool> IsServing(Uri address, CancellationToken stop)
    {
        try
        {
            using var hub = HubClient.Anonymous(address);
            var answer = await hub.Health.CheckAsync(new HealthCheckRequest(), cancellationToken: stop);
            return answer.Status == HealthCheckResponse.Types.ServingStatus.Serving;
        }
        catch (RpcException notYet) when (notYet.StatusCode is StatusCode.Unavailable or StatusCode.DeadlineExceeded)
        {
            return false;
        }
    }
}

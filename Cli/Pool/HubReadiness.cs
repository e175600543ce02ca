using Grpc.Core;
using Grpc.Health.V1;

namespace HiveMind.Cli;

/// <summary>Waits until a silo that we started serves.</summary>
internal static class HubReadiness
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    public static async Task Wait(HubClient hub, ChildProcess silo, CancellationToken stop)
    {
        var waited = System.Diagnostics.Stopwatch.StartNew();
        while (!await IsServing(hub, stop))
        {
            if (silo.HasExited)
            {
                throw new CliException(silo.ExitCode == 0 ? ExitCodes.Usage : silo.ExitCode, $"The silo did not start:\n{silo.Tail()}", "SILO_ENDED");
            }

            if (waited.Elapsed > Patience)
            {
                throw new CliException(
                    ExitCodes.Unreachable, $"The silo is not ready after {Patience.TotalSeconds} s:\n{silo.Tail()}", "SILO_NOT_READY");
            }

            await Task.Delay(Pause, stop);
        }
    }

    private static async Task<bool> IsServing(HubClient hub, CancellationToken stop)
    {
        try
        {
            var answer = await hub.Health.CheckAsync(new HealthCheckRequest(), cancellationToken: stop);
            return answer.Status == HealthCheckResponse.Types.ServingStatus.Serving;
        }
        catch (RpcException notYet) when (notYet.StatusCode is StatusCode.Unavailable or StatusCode.DeadlineExceeded)
        {
            return false;
        }
    }
}

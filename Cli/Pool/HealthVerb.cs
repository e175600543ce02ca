using System.CommandLine;
using Grpc.Core;
using Grpc.Health.V1;

namespace HiveMind.Cli;

/// <summary>`health`: whether a hub serves, for people, scripts and container engines. Needs no login.</summary>
internal sealed class HealthVerb(Terminal terminal) : Verb("health", "Ask whether the hub serves (exit code 0, or 4 when it does not).", terminal)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(4);

    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        var address = HubOf(parsed);
        using var hub = HubClient.Anonymous(address);
        var status = await Ask(hub, stop);
        Terminal.Result($"{HubAddress.Key(address)} {status.Text}", new { Hub = HubAddress.Key(address), Status = status.Word });
        return status.Word == "serving" ? ExitCodes.Ok : ExitCodes.Unreachable;
    }

    private static async Task<(string Word, string Text)> Ask(HubClient hub, CancellationToken stop)
    {
        try
        {
            var deadline = TimeProvider.System.GetUtcNow().UtcDateTime + Patience;
            var answer = await hub.Health.CheckAsync(new HealthCheckRequest(), deadline: deadline, cancellationToken: stop);
            return answer.Status == HealthCheckResponse.Types.ServingStatus.Serving
                ? ("serving", "serves.")
                : ("not_serving", "answers, but a store or the cluster is away: its page /readyz says which.");
        }
        catch (RpcException away) when (away.StatusCode is StatusCode.Unavailable or StatusCode.DeadlineExceeded)
        {
            return ("unreachable", "does not answer.");
        }
    }
}

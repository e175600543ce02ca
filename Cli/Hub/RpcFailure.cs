using Google.Rpc;
using Grpc.Core;
using HiveMind.Workers.Connection;

namespace HiveMind.Cli;

/// <summary>A gRPC failure as an exit code and a sentence that names the field and the fix.</summary>
internal static class RpcFailure
{
    public static int ExitCodeOf(StatusCode code) => code switch
    {
        StatusCode.OK => ExitCodes.Ok,
        StatusCode.Unauthenticated => ExitCodes.NotLoggedIn,
        StatusCode.Unavailable or StatusCode.DeadlineExceeded => ExitCodes.Unreachable,
        StatusCode.Cancelled => ExitCodes.Interrupted,
        _ => ExitCodes.Usage,
    };

    /// <summary>The stable word, empty where there is none.</summary>
    public static string ReasonOf(RpcException rpc) => rpc.GetRpcStatus()?.GetDetail<ErrorInfo>()?.Reason ?? "";

    /// <summary>The way to the hub broke, or the hub is away: what was half done may go on. (A connection lost within a message is Internal, without details.)</summary>
    public static bool IsCut(RpcException rpc) => rpc.StatusCode is StatusCode.Unavailable or StatusCode.DeadlineExceeded
        || (rpc.StatusCode == StatusCode.Internal && rpc.GetRpcStatus() is null);

    public static CliException Explain(RpcException rpc, Uri hub)
    {
        if (HubTrust.Refusal(rpc) is { } refusal)
        {
            return new CliException(ExitCodes.Unreachable, $"{refusal.Message}\n{Remedy(refusal, hub)}", "HUB_NOT_TRUSTED");
        }

        if (HubTrust.SpokeNoTls(rpc))
        {
            return new CliException(
                ExitCodes.Unreachable, $"What answers at {HubAddress.Key(hub)} speaks no TLS: write http:// if it is a hub in clear.", "NO_TLS");
        }

        var details = rpc.GetRpcStatus();
        var fields = details?.GetDetail<BadRequest>()?.FieldViolations
            .Select(violation => new FieldFault(violation.Field, violation.Description)).ToList() ?? [];
        var reason = details?.GetDetail<ErrorInfo>()?.Reason is { Length: > 0 } given ? given : Words.UpperSnake(rpc.StatusCode.ToString());
        return new CliException(IsCut(rpc) ? ExitCodes.Unreachable : ExitCodeOf(rpc.StatusCode), Sentence(rpc, details, fields, hub), reason, fields);
    }

    private static string Remedy(HubNotTrustedException refusal, Uri hub)
    {
        var login = $"{Launch.Prefix} login --hub '{HubAddress.Key(hub)}#sha256=…'";
        return refusal.IsOtherKey
            ? $"If its owner gave it a new key, log in by the address that the hub prints now: {login}\nIf not, somebody may stand in between."
            : $"It shows {refusal.Shown}. Compare with what the hub prints at its start, and log in by that address: {login}";
    }

    private static bool WasClosedAtOnce(RpcException rpc)
    {
        for (var cause = rpc.Status.DebugException; cause is not null; cause = cause.InnerException)
        {
            if (cause is HttpIOException { HttpRequestError: HttpRequestError.ResponseEnded or HttpRequestError.InvalidResponse or HttpRequestError.HttpProtocolError })
            {
                return true;
            }
        }

        return false;
    }

    private static string Sentence(RpcException rpc, Google.Rpc.Status? details, List<FieldFault> fields, Uri hub)
    {
        var lines = new List<string>();
        if (details is null && hub.Scheme == Uri.UriSchemeHttp && (rpc.StatusCode == StatusCode.Internal || WasClosedAtOnce(rpc)))
        {
            lines.Add($"What answers at {HubAddress.Key(hub)} closed the connection: the hub has just stopped, or it speaks TLS.");
            lines.Add("A hub started with --lan does: name it by the https:// address that it prints.");
        }
        else if (rpc.StatusCode is StatusCode.Unavailable && details is null)
        {
            lines.Add($"No hub answers at {HubAddress.Key(hub)}.");
            lines.Add($"Start one: {Launch.Prefix} up   (or name another with --hub URL)");
            if (HubProxy.Ignored is { } variable && HubProxy.For(hub) is null && !hub.IsLoopback)
            {
                lines.Add($"{variable} is set and not used for a hub: set {HubProxy.Variable} as well if it is reached through a proxy only.");
            }
        }
        else if (rpc.StatusCode is StatusCode.DeadlineExceeded)
        {
            lines.Add($"The hub at {HubAddress.Key(hub)} did not answer in time; whether it acted is not known.");
        }
        else if (fields.Count == 0 || !fields.Exists(field => field.Fix == rpc.Status.Detail))
        {
            lines.Add(rpc.Status.Detail);
        }

        lines.AddRange(fields.Select(field => $"{field.Field}: {field.Fix}"));
        if (rpc.StatusCode == StatusCode.Unauthenticated)
        {
            lines.Add($"Log in: {Launch.Next(hub, "login")}   (no account yet: {Launch.Next(hub, "register")})");
        }

        if (details?.GetDetail<RetryInfo>()?.RetryDelay is { } delay)
        {
            lines.Add($"Try again in {Math.Max(1, Math.Ceiling(delay.ToTimeSpan().TotalSeconds))} s.");
        }

        return string.Join('\n', lines);
    }
}

using System.Diagnostics.Metrics;
using Grpc.Core;
using HiveMind.Monitoring;
using static HiveMind.Monitoring.HubTelemetry;

namespace HiveMind.Edge;

/// <summary>The edge in figures: OpenTelemetry's conventions for RPC servers, and what is our own. Methods and reasons are ours, callers are not named.</summary>
public static class EdgeInstruments
{
    /// <summary>What is no method of ours, by OpenTelemetry's word for it.</summary>
    internal const string OtherMethod = "_OTHER";

    private static readonly string[] Codes =
    [
        "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
    ];

    private static readonly Histogram<double> CallTime =
        Figures.CreateHistogram("rpc.server.call.duration", "s", "Duration of incoming calls; of a stream, all of it.", advice: ShortTimes);
    private static readonly Counter<long> RateLimitedCalls =
        Figures.CreateCounter<long>("hivemind.calls.rate_limited", "{call}", "Calls refused by the rate limit.");
    private static readonly Counter<long> RefusedSubmits =
        Figures.CreateCounter<long>("hivemind.submits.refused", "{submit}", "Submits that were not accepted, by reason.");
    private static readonly UpDownCounter<long> Streams =
        Figures.CreateUpDownCounter<long>("hivemind.worker.streams", "{stream}", "Worker streams that are open on this silo.");

    public static void Announce()
    {
        RateLimitedCalls.Add(0);
        foreach (var reason in new[] { "INVALID_FIELD", "INSUFFICIENT_CREDITS", "BAND_RESERVED", "SUBMIT_RATE", "PENDING_QUOTA" }) RefusedSubmits.Add(0, Tag("reason", reason));
        Streams.Add(0);
    }

    internal static void Served(string method, StatusCode code, TimeSpan took) => CallTime.Record(
        took.TotalSeconds, Tag("rpc.system.name", "grpc"), Tag("rpc.method", method), Tag("rpc.response.status_code", NameOf(code)));

    internal static void RateLimited() => RateLimitedCalls.Add(1);

    internal static void SubmitRefused(Exception refused) => RefusedSubmits.Add(1, Tag("reason", refused switch
    {
        HiveMindException failure => failure.Reason,
        InvalidRequestException => "INVALID_FIELD",
        OperationCanceledException => "CANCELLED",
        _ => "UNAVAILABLE",
    }));

    internal static void StreamOpened() => Streams.Add(1);

    internal static void StreamClosed() => Streams.Add(-1);

    internal static string NameOf(StatusCode code) => (int)code is >= 0 and var number && number < Codes.Length ? Codes[number] : "UNKNOWN";
}

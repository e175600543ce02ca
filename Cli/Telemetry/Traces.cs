using System.Diagnostics;
using HiveMind.Monitoring;
using HiveMind.Workers.Attempts;
using OpenTelemetry;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace HiveMind.Cli;

/// <summary>Spans of the commands and of a worker's runs, sent by OTLP where OTEL_EXPORTER_OTLP_ENDPOINT says so; else nothing is loaded.</summary>
internal static class Traces
{
    private const string SourceName = "HiveMind.Cli", EndpointName = "OTEL_EXPORTER_OTLP_ENDPOINT";
    private const string CallSource = "Grpc.Net.Client", RequestSource = "System.Net.Http";
    private static readonly ActivitySource Spans = new(SourceName);

    public static ActivitySource Commands => Spans;

    /// <summary>Null: nobody asked for it.</summary>
    public static IDisposable? Start(Verb verb) =>
        Environment.GetEnvironmentVariable(EndpointName) is { Length: > 0 } ? Export(verb is WorkerVerb ? "hivemind-worker" : "hivemind-cli") : null;

    // A method of its own: what it mentions is loaded when it is called.
    private static TracerProvider Export(string service) => Sdk.CreateTracerProviderBuilder()
        .AddSource(SourceName, RunSpan.SourceName, CallSource, RequestSource)
        .ConfigureResource(resource => resource
            .AddService(service, serviceVersion: typeof(Traces).Assembly.GetName().Version!.ToString(3)).AddEnvironmentVariableDetector())
        .SetSampler(EntrySampler.ParentBased(1))
        .AddOtlpExporter()
        .Build();
}

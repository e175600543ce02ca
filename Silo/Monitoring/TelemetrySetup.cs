using HiveMind.Configuration;
using HiveMind.Edge;
using HiveMind.Storage;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace HiveMind.Monitoring;

/// <summary>
/// `/metrics` for Prometheus always; figures and traces by OTLP where an endpoint is given. All that OpenTelemetry's own environment names
/// (protocol, headers, intervals, service name, resource) is honoured by its SDK.
/// </summary>
internal static class TelemetrySetup
{
    private const string EndpointName = "OTEL_EXPORTER_OTLP_ENDPOINT";
    private static readonly string[] Meters =
        [HubTelemetry.Name, OrleansSeconds.MeterName, "Microsoft.Orleans", "Microsoft.AspNetCore.Server.Kestrel", "System.Runtime"];
    private static readonly string[] Sources = [HubTelemetry.Name, "Microsoft.Orleans.Application", "Microsoft.Orleans.Runtime"];

    public static void AddTelemetry(this WebApplicationBuilder builder, PoolOptions options)
    {
        var telemetry = options.Telemetry;
        // The exporter reads its endpoint from the configuration, and so adds the paths of OTLP over HTTP by itself.
        if (telemetry.IsExported) builder.Configuration[EndpointName] = telemetry.OtlpEndpoint;
        builder.Services.AddSingleton<HealthInstruments>().AddSingleton<OrleansSeconds>();
        builder.Services.AddSingleton<IHealthCheckPublisher>(services => services.GetRequiredService<HealthInstruments>());
        var openTelemetry = builder.Services.AddOpenTelemetry().ConfigureResource(Describe).WithMetrics(metrics =>
        {
            metrics.AddMeter(Meters).AddView(FigureViews.Of).AddPrometheusExporter(shown => shown.ScopeInfoEnabled = false);
            if (telemetry.IsExported) metrics.AddOtlpExporter();
        });
        if (!telemetry.IsExported) return;
        openTelemetry.WithTracing(traces => traces
            .AddSource(Sources)
            .AddAspNetCoreInstrumentation(calls => calls.Filter = IsCall)
            .SetSampler(EntrySampler.ParentBased(telemetry.TraceRatio))
            .AddOtlpExporter());
    }

    /// <summary>On the gRPC host's address, beside the health pages; sums only, no names.</summary>
    public static void MapTelemetry(this WebApplication app)
    {
        app.MapPrometheusScrapingEndpoint("/metrics");
        app.Services.GetRequiredService<MeterProvider>(); // listens from here on
        app.Services.GetRequiredService<OrleansSeconds>();
        GrainInstruments.Announce();
        EdgeInstruments.Announce();
        DatabaseInstruments.Announce();
        StateStoreInstruments.Announce();
        FilesInstruments.Announce();
        ClusterInstruments.Announce();
    }

    public static void Describe(ResourceBuilder resource) => resource
        .AddService("hivemind-silo", serviceVersion: typeof(TelemetrySetup).Assembly.GetName().Version!.ToString(3))
        .AddEnvironmentVariableDetector(); // last, so that OTEL_SERVICE_NAME wins

    /// <summary>A call of a client or worker: no page of the HTTP port, and not the stream that a worker holds open for days.</summary>
    private static bool IsCall(HttpContext http) =>
        http.Request.ContentType?.StartsWith("application/grpc", StringComparison.Ordinal) == true
        && !http.Request.Path.Value!.EndsWith("/Work", StringComparison.Ordinal) && !http.Request.Path.StartsWithSegments("/grpc.health.v1.Health");
}

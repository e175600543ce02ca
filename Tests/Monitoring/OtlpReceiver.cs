using System.Collections.Concurrent;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace HiveMind.Tests.Monitoring;

/// <summary>A span as it arrived: ids in hex, an empty parent for the root.</summary>
internal sealed record ReceivedSpan(string Service, string Name, string TraceId, string SpanId, string ParentId);

/// <summary>Plays an OpenTelemetry collector on a free port: the two calls of OTLP over gRPC, as much of the messages as the tests look at.</summary>
internal sealed class OtlpReceiver : IAsyncDisposable
{
    private readonly WebApplication _app;

    private OtlpReceiver()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(System.Net.IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        _app = builder.Build();
        _app.MapPost("/opentelemetry.proto.collector.trace.v1.TraceService/Export", http => Take(http, ReadSpans));
        _app.MapPost("/opentelemetry.proto.collector.metrics.v1.MetricsService/Export", http => Take(http, ReadMetrics));
    }

    public ConcurrentBag<ReceivedSpan> Spans { get; } = [];
    /// <summary>Service and name of every figure that arrived.</summary>
    public ConcurrentDictionary<(string Service, string Name), bool> Metrics { get; } = [];
    public string Address => _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();

    public static async Task<OtlpReceiver> Start()
    {
        var receiver = new OtlpReceiver();
        await receiver._app.StartAsync();
        return receiver;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private static async Task Take(HttpContext http, Action<byte[]> read)
    {
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body);
        read(body.ToArray()[5..]); // behind gRPC's prefix: not compressed, length
        http.Response.ContentType = "application/grpc";
        await http.Response.Body.WriteAsync(new byte[5]); // an empty answer
        http.Response.AppendTrailer("grpc-status", "0");
    }

    private void ReadSpans(byte[] request)
    {
        foreach (var (service, scopes) in Resources(request))
            foreach (var span in scopes.SelectMany(scope => Message(scope)[2]).Select(Message))
                Spans.Add(new(service, Text(span, 5), Hex(span, 1), Hex(span, 2), Hex(span, 4)));
    }

    private void ReadMetrics(byte[] request)
    {
        foreach (var (service, scopes) in Resources(request))
            foreach (var metric in scopes.SelectMany(scope => Message(scope)[2]).Select(Message))
                Metrics[(service, Text(metric, 1))] = true;
    }

    /// <summary>Both requests: resources (1), each with its attributes (1, 1) and its scopes (2).</summary>
    private static IEnumerable<(string Service, IEnumerable<byte[]> Scopes)> Resources(byte[] request) => Message(request)[1].Select(Message).Select(resource =>
    {
        var attributes = resource[1].SelectMany(inner => Message(inner)[1]).Select(Message);
        var name = attributes.First(attribute => Text(attribute, 1) == "service.name");
        return (Text(Message(name[2].Single()), 1), resource[2]);
    });

    private static string Text(ILookup<int, byte[]> message, int field) => System.Text.Encoding.UTF8.GetString(message[field].LastOrDefault() ?? []);

    private static string Hex(ILookup<int, byte[]> message, int field) => Convert.ToHexStringLower(message[field].LastOrDefault() ?? []);

    /// <summary>The fields that have a length, by number; others are skipped.</summary>
    private static ILookup<int, byte[]> Message(byte[] bytes)
    {
        var input = new CodedInputStream(bytes);
        var fields = new List<(int Number, byte[] Value)>();
        while (input.ReadTag() is var tag and not 0)
        {
            if (WireFormat.GetTagWireType(tag) == WireFormat.WireType.LengthDelimited) fields.Add((WireFormat.GetTagFieldNumber(tag), input.ReadBytes().ToByteArray()));
            else input.SkipLastField();
        }

        return fields.ToLookup(field => field.Number, field => field.Value);
    }
}

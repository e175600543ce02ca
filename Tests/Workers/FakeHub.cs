using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using Google.Protobuf;
using Grpc.Core;
using HiveMind.Protos;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace HiveMind.Tests.Workers;

/// <summary>The worker's three calls over a real HTTP/2 port, answered as a test wants.</summary>
internal sealed class FakeHub : NodeManagerService.NodeManagerServiceBase, IAsyncDisposable
{
    private WebApplication? _app;
    private long _epoch;
    private volatile FakeLink? _link;

    public Uri Address { get; private set; } = null!;
    public int HeartbeatMs { get; set; } = 100;
    public int LeaseMs { get; set; } = 12_000;
    /// <summary>False: heartbeats are heard and not answered.</summary>
    public bool AnswersHeartbeats { get; set; } = true;
    /// <summary>Told apart by its instance, as a hub of today does.</summary>
    public bool OneWorker { get; set; } = true;
    /// <summary>Before the welcome.</summary>
    public Action OnHello { get; set; } = () => { };
    /// <summary>What a report is answered with.</summary>
    public Func<TaskReport, ReportAnswer?> Answer { get; set; } = _ => new ReportAnswer();
    public RpcException? RefusesConnections { get; set; }
    public byte[] Payload { get; set; } = [];
    /// <summary>How many uploads fail before one is taken.</summary>
    public int FailingUploads { get; set; }

    public ConcurrentQueue<WorkerHello> Hellos { get; } = [];
    public ConcurrentQueue<WorkerHeartbeat> Heartbeats { get; } = [];
    public ConcurrentQueue<TaskReport> Reports { get; } = [];
    public ConcurrentQueue<byte[]> Uploads { get; } = [];
    public ConcurrentQueue<string> Tokens { get; } = [];
    public int Drains;

    public FakeLink Link => _link ?? throw new InvalidOperationException("No worker is connected.");
    public bool HasWorker => _link is not null;
    public IEnumerable<TaskReport> Ended => Reports.Where(r => r.Kind == TaskReportKind.Ended);

    public static async Task<FakeHub> Start()
    {
        var hub = new FakeHub();
        await hub.Open(0);
        return hub;
    }

    public async Task Open(int port)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseSetting("urls", "");
        builder.Services.Configure<KestrelServerOptions>(o => o.Listen(IPAddress.Loopback, port, l => l.Protocols = HttpProtocols.Http2));
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(this);
        _app = builder.Build();
        _app.MapGrpcService<FakeHub>();
        await _app.StartAsync();
        Address = new Uri(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
    }

    /// <summary>The hub goes away as a killed process does.</summary>
    public async Task Shut()
    {
        _link?.Cut();
        _link = null;
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _app!.StopAsync(now.Token);
        await _app.DisposeAsync();
        _app = null;
    }

    public async ValueTask DisposeAsync()
    {
        if (_app is not null)
            await Shut();
    }

    public override async Task Work(
        IAsyncStreamReader<WorkerMessage> requests, IServerStreamWriter<HubMessage> responses, ServerCallContext context)
    {
        Tokens.Enqueue(context.RequestHeaders.GetValue("authorization") ?? "");
        if (RefusesConnections is { } refusal)
            throw refusal;
        using var link = new FakeLink(responses, context.CancellationToken);
        if (!await requests.MoveNext(link.Ended))
            return;
        OnHello();
        Hellos.Enqueue(requests.Current.Hello);
        await link.Send(new HubMessage
        {
            Welcome = new HubWelcome
            {
                NodeId = "node", Epoch = Interlocked.Increment(ref _epoch), HeartbeatIntervalMs = HeartbeatMs, LeaseMs = LeaseMs, OneWorker = OneWorker,
            },
        });
        _link = link;
        try
        {
            while (await requests.MoveNext(link.Ended))
                await Hear(requests.Current, link);
        }
        catch (Exception e) when (link.Ended.IsCancellationRequested && e is OperationCanceledException or IOException or InvalidOperationException)
        {
            if (link.Refusal is { } status)
                throw status;
        }
    }

    public override async Task FetchPayload(FetchPayloadRequest request, IServerStreamWriter<DataChunk> responses, ServerCallContext context)
    {
        foreach (var chunk in Payload.Skip((int)request.Offset).Chunk(64 * 1024))
            await responses.WriteAsync(new DataChunk { Data = ByteString.CopyFrom(chunk) });
    }

    public override Task<AppendOutputResponse> AppendOutput(AppendOutputRequest request, ServerCallContext context)
    {
        var held = Partials.GetOrAdd(request.Stream, _ => new MemoryStream());
        lock (held)
        {
            if (request.Anew)
                held.SetLength(0);
            if (request.Offset == held.Length)
                request.Data.WriteTo(held);
            return Task.FromResult(new AppendOutputResponse { Success = true, Position = held.Length });
        }
    }

    /// <summary>What is held of an output, by stream; the tests run one attempt at a time.</summary>
    public ConcurrentDictionary<string, MemoryStream> Partials { get; } = [];

    public override async Task<SendOutputResponse> SendOutput(IAsyncStreamReader<OutputChunk> requests, ServerCallContext context)
    {
        Assert.True(await requests.MoveNext());
        var header = requests.Current.Header;
        var all = Partials.GetOrAdd(header.Stream, _ => new MemoryStream());
        Assert.Equal(all.Length, header.Offset);
        while (await requests.MoveNext())
        {
            requests.Current.Data.WriteTo(all);
            if (FailingUploads-- > 0)
                throw new RpcException(new Status(StatusCode.Unavailable, "cut in the middle"));
        }
        Assert.Equal(header.Size, all.Length);
        var bytes = all.ToArray();
        Partials.TryRemove(header.Stream, out _);
        Uploads.Enqueue(bytes);
        return new SendOutputResponse
        {
            Success = true, Size = bytes.Length, Sha256 = Convert.ToHexStringLower(SHA256.HashData(bytes)), Receipt = ByteString.CopyFromUtf8("receipt"),
        };
    }

    private async Task Hear(WorkerMessage message, FakeLink link)
    {
        switch (message)
        {
            case { Heartbeat: { } heartbeat }:
                Heartbeats.Enqueue(heartbeat);
                if (AnswersHeartbeats)
                    await link.Send(new HubMessage { HeartbeatAnswer = new HeartbeatAnswer { Sequence = heartbeat.Sequence } });
                break;
            case { Report: { } report }:
                Reports.Enqueue(report);
                if (Answer(report) is { } answer)
                {
                    (answer.TaskId, answer.Attempt, answer.Kind) = (report.TaskId, report.Attempt, report.Kind);
                    await link.Send(new HubMessage { ReportAnswer = answer });
                }
                break;
            case { Drain: not null }:
                Interlocked.Increment(ref Drains);
                break;
        }
    }
}

/// <summary>One open stream, from the hub's side.</summary>
internal sealed class FakeLink(IServerStreamWriter<HubMessage> responses, CancellationToken aborted) : IDisposable
{
    private readonly SemaphoreSlim _writing = new(1);
    private readonly CancellationTokenSource _ended = CancellationTokenSource.CreateLinkedTokenSource(aborted);

    public CancellationToken Ended => _ended.Token;
    public RpcException? Refusal { get; private set; }

    public Task Assign(Assignment assignment) => Send(new HubMessage { Assign = assignment });

    public Task Kill(string task, int attempt) => Send(new HubMessage { Kill = new KillAttempt { TaskId = task, Attempt = attempt, Reason = "CANCELLED" } });

    /// <summary>Ends the stream, with a status or as if the line broke.</summary>
    public void Cut(RpcException? refusal = null)
    {
        Refusal = refusal ?? new RpcException(new Status(StatusCode.Unavailable, "cut"));
        try
        {
            _ended.Cancel();
        }
        catch (ObjectDisposedException)
        {
        }
    }

    public async Task Send(HubMessage message)
    {
        await _writing.WaitAsync();
        try
        {
            await responses.WriteAsync(message);
        }
        finally
        {
            _writing.Release();
        }
    }

    public void Dispose() => _ended.Dispose();
}

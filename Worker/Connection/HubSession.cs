using System.Threading.Channels;
using Grpc.Core;
using HiveMind.Protos;
using HiveMind.Workers.Attempts;

namespace HiveMind.Workers.Connection;

/// <summary>
/// One connection: hello, welcome, then heartbeats and reports one way, assignments, kills and answers the other. Lives until the
/// stream breaks, the hub falls silent or it is told to close.
/// </summary>
internal sealed class HubSession(HubChannel hub, WorkerAgent agent, WorkerLease lease, TimeProvider time)
{
    private static readonly TimeSpan WelcomePatience = TimeSpan.FromSeconds(10), ReportTick = TimeSpan.FromMilliseconds(250);

    // What is sent is built when it is written: a heartbeat that waited must not speak of what was.
    private readonly Channel<Func<WorkerMessage>> _outgoing = Channel.CreateUnbounded<Func<WorkerMessage>>(new() { SingleReader = true });
    private readonly ReportOrder _order = new();
    private long _sequence;
    private long _heardAt;
    private long _answered;
    private int _heartbeatWanted, _heartbeatPosted;

    public bool WasWelcomed { get; private set; }

    /// <summary>Ends with the stream; throws the RpcException that ended it.</summary>
    public async Task Run(CancellationToken cancel)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        using var call = hub.Client.Work(hub.Options(ending.Token));
        var helloSentAt = time.GetTimestamp();
        var welcome = await Greet(call, ending);
        var interval = TimeSpan.FromMilliseconds(Math.Max(50, welcome.HeartbeatIntervalMs));
        var leaseTime = TimeSpan.FromMilliseconds(Math.Max(100, welcome.LeaseMs));
        lease.Granted(leaseTime, helloSentAt);
        WasWelcomed = true;
        _heardAt = time.GetTimestamp();
        agent.Attach(this, welcome);

        var reading = Read(call.ResponseStream, ending.Token);
        Task[] all =
        [
            reading, Write(call.RequestStream, ending.Token), Beat(interval, ending.Token), SendReports(ending.Token),
            WatchSilence(leaseTime * 0.75, ending.Token),
        ];
        var first = await Task.WhenAny(all);
        try
        {
            // A broken stream shows first where it was written to, but only the reading side learns why.
            if (first != reading)
                await reading.WaitAsync(TimeSpan.FromSeconds(first.IsFaulted ? 2 : 1), CancellationToken.None);
        }
        catch (TimeoutException)
        {
        }
        finally
        {
            await ending.CancelAsync();
            await Task.WhenAll(all).ContinueWith(_ => { }, TaskScheduler.Default);
        }
        await first;
    }

    public void SendStarted(AttemptKey key) => Post(() => Report(new TaskReport
    {
        TaskId = key.TaskId, Attempt = key.Attempt, Kind = TaskReportKind.Started,
    }));

    /// <summary>
    /// A heartbeat out of turn, because the set changed and the hub waits to hear it: at once, or when the one before is answered. So one word of
    /// the hub never brings forth two of ours, however many cross on their way.
    /// </summary>
    public void SendHeartbeat()
    {
        Interlocked.Exchange(ref _heartbeatWanted, 1);
        if (Interlocked.Read(ref _answered) >= Interlocked.Read(ref _sequence))
            PostWantedHeartbeat();
    }

    public void SendDrain() => Post(() => new WorkerMessage { Drain = new WorkerDrain() });

    /// <summary>Reports that are due go out now, and again later until they are answered.</summary>
    public void SendDueReports()
    {
        foreach (var report in agent.DueReports())
            Post(() => Report(report));
    }

    /// <summary>Nothing more to say: once all before it is written, the stream is closed from this side.</summary>
    public void Close() => _outgoing.Writer.TryComplete();

    private void PostWantedHeartbeat()
    {
        if (Interlocked.Exchange(ref _heartbeatWanted, 0) == 1)
            PostHeartbeat();
    }

    /// <summary>One that is not yet written will say it all.</summary>
    private void PostHeartbeat()
    {
        if (Interlocked.Exchange(ref _heartbeatPosted, 1) == 0)
            Post(Heartbeat);
    }

    private void Post(Func<WorkerMessage> build) => _outgoing.Writer.TryWrite(build);

    private async Task<HubWelcome> Greet(AsyncDuplexStreamingCall<WorkerMessage, HubMessage> call, CancellationTokenSource ending)
    {
        var hello = new WorkerHello { Capabilities = agent.Capabilities };
        hello.Running.AddRange(agent.RunningSet());
        try
        {
            await call.RequestStream.WriteAsync(new WorkerMessage { Hello = hello }, ending.Token);
        }
        catch (InvalidOperationException)
        {
            // The hub said no before it heard anything; reading tells why.
        }
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ending.Token);
        limit.CancelAfter(WelcomePatience);
        try
        {
            if (await call.ResponseStream.MoveNext(limit.Token) && call.ResponseStream.Current.Welcome is { } welcome)
                return welcome;
        }
        catch (Exception e) when (limit.IsCancellationRequested && e is OperationCanceledException or RpcException { StatusCode: StatusCode.Cancelled })
        {
            ending.Token.ThrowIfCancellationRequested();
        }
        throw new RpcException(new Status(StatusCode.Unavailable, "The hub did not welcome this worker."));
    }

    private async Task Read(IAsyncStreamReader<HubMessage> stream, CancellationToken cancel)
    {
        while (await stream.MoveNext(cancel))
        {
            Interlocked.Exchange(ref _heardAt, time.GetTimestamp());
            switch (stream.Current)
            {
                case { HeartbeatAnswer: { } answer }:
                    lease.Answered(answer.Sequence);
                    Interlocked.Exchange(ref _answered, answer.Sequence);
                    PostWantedHeartbeat();
                    break;
                case { Assign: { } assignment }:
                    agent.Assigned(assignment);
                    break;
                case { Kill: { } kill }:
                    agent.Killed(new AttemptKey(kill.TaskId, kill.Attempt), kill.Reason);
                    break;
                case { ReportAnswer: { } answer }:
                    agent.Answered(answer, _order.Answered(new AttemptKey(answer.TaskId, answer.Attempt), answer.Kind));
                    break;
            }
        }
    }

    private async Task Write(IClientStreamWriter<WorkerMessage> stream, CancellationToken cancel)
    {
        await foreach (var build in _outgoing.Reader.ReadAllAsync(cancel))
            await stream.WriteAsync(build(), cancel);
        await stream.CompleteAsync();
    }

    private async Task Beat(TimeSpan interval, CancellationToken cancel)
    {
        while (true)
        {
            PostHeartbeat();
            await Task.Delay(interval, time, cancel);
        }
    }

    private async Task SendReports(CancellationToken cancel)
    {
        while (true)
        {
            SendDueReports();
            await Task.Delay(ReportTick, time, cancel);
        }
    }

    private async Task WatchSilence(TimeSpan patience, CancellationToken cancel)
    {
        while (time.GetElapsedTime(Interlocked.Read(ref _heardAt)) is var silent && silent < patience)
            await Task.Delay(patience - silent + TimeSpan.FromMilliseconds(1), time, cancel);
        throw new RpcException(new Status(StatusCode.Unavailable, "The hub fell silent."));
    }

    private WorkerMessage Heartbeat()
    {
        Interlocked.Exchange(ref _heartbeatPosted, 0);
        Interlocked.Exchange(ref _heartbeatWanted, 0);
        var heartbeat = new WorkerHeartbeat { Sequence = Interlocked.Increment(ref _sequence), Usage = agent.Usage() };
        heartbeat.Running.AddRange(agent.RunningSet());
        lease.Sending(heartbeat.Sequence);
        return new WorkerMessage { Heartbeat = heartbeat };
    }

    private WorkerMessage Report(TaskReport report)
    {
        _order.Sent(new AttemptKey(report.TaskId, report.Attempt), report.Kind);
        return new WorkerMessage { Report = report };
    }
}

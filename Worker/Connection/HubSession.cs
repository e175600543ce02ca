using System.Threading.Channels;
using Grpc.Core;
using HiveMind.Protos;
using HiveMind.Workers.Attempts;

namespace HiveMind.Workers.Connection;

/// <summary>
/// One connection: hello, welcome, then heartbeats and reports one way, assignments, kills and answers the other. Lives until the
/// stream breaks or it is abandoned for another. That the hub falls silent ends it not by itself: it may be heard again, and until another connection is
/// there this one is all there is.
/// </summary>
internal sealed class HubSession(HubChannel hub, WorkerAgent agent, WorkerLease lease, TimeProvider time) : IAsyncDisposable
{
    /// <summary>Heartbeats without a word of the hub, after which another connection is tried.</summary>
    private const int SilentBeats = 2;
    private static readonly TimeSpan WelcomePatience = TimeSpan.FromSeconds(10), ReportTick = TimeSpan.FromMilliseconds(250);

    // What is sent is built when it is written: a heartbeat that waited must not speak of what was.
    private readonly Channel<Func<WorkerMessage>> _outgoing = Channel.CreateUnbounded<Func<WorkerMessage>>(new() { SingleReader = true });
    private readonly ReportOrder _order = new();
    private readonly CancellationTokenSource _ending = new();
    private AsyncDuplexStreamingCall<WorkerMessage, HubMessage>? _call;
    private TimeSpan _interval;
    private long _sequence;
    private long _heardAt;
    private long _answered;
    private int _heartbeatWanted, _heartbeatPosted;

    public HubChannel Hub => hub;
    public bool WasWelcomed => Welcome is not null;
    public HubWelcome? Welcome { get; private set; }
    /// <summary>Ends with the stream; fails with the RpcException that ended it.</summary>
    public Task Serving { get; private set; } = Task.CompletedTask;
    /// <summary>Another connection of this worker was begun beside it, so the hub may call it stale.</summary>
    public bool IsSuperseded { get; set; }
    public bool IsSilent => time.GetElapsedTime(Interlocked.Read(ref _heardAt)) >= Patience;

    private TimeSpan Patience => _interval * SilentBeats;

    /// <summary>Comes back welcomed, or throws the RpcException that tells why not.</summary>
    public async Task Open(WorkerHello hello, CancellationToken cancel)
    {
        using var given = cancel.Register(_ending.Cancel);
        _call = hub.Client.Work(hub.Options(_ending.Token));
        var helloSentAt = time.GetTimestamp();
        var welcome = await Greet(_call, hello);
        _interval = TimeSpan.FromMilliseconds(Math.Max(50, welcome.HeartbeatIntervalMs));
        lease.Granted(TimeSpan.FromMilliseconds(Math.Max(100, welcome.LeaseMs)), helloSentAt);
        _heardAt = time.GetTimestamp();
        Welcome = welcome;
    }

    /// <summary>From now on it carries what both sides say.</summary>
    public void Begin() => Serving = Serve(_call!);

    /// <summary>Comes back when the hub has not been heard for a while, or <paramref name="cancel"/> says so.</summary>
    public async Task FallSilent(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested && time.GetElapsedTime(Interlocked.Read(ref _heardAt)) is var silent && silent < Patience)
            await Task.Delay(Patience - silent + TimeSpan.FromMilliseconds(1), time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>Ends it from this side, at once; its tasks are over afterwards.</summary>
    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        await Serving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _call?.Dispose();
        _ending.Dispose();
    }

    private async Task Serve(AsyncDuplexStreamingCall<WorkerMessage, HubMessage> call)
    {
        var reading = Read(call.ResponseStream, _ending.Token);
        Task[] all = [reading, Write(call.RequestStream, _ending.Token), Beat(_interval, _ending.Token), SendReports(_ending.Token)];
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
            await _ending.CancelAsync();
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

    private async Task<HubWelcome> Greet(AsyncDuplexStreamingCall<WorkerMessage, HubMessage> call, WorkerHello hello)
    {
        try
        {
            await call.RequestStream.WriteAsync(new WorkerMessage { Hello = hello }, _ending.Token);
        }
        catch (InvalidOperationException)
        {
            // The hub said no before it heard anything; reading tells why.
        }
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_ending.Token);
        limit.CancelAfter(WelcomePatience);
        try
        {
            if (await call.ResponseStream.MoveNext(limit.Token) && call.ResponseStream.Current.Welcome is { } welcome)
                return welcome;
        }
        catch (Exception e) when (limit.IsCancellationRequested && e is OperationCanceledException or RpcException { StatusCode: StatusCode.Cancelled })
        {
            _ending.Token.ThrowIfCancellationRequested();
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
                    agent.Assigned(assignment, this);
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

    private WorkerMessage Heartbeat()
    {
        Interlocked.Exchange(ref _heartbeatPosted, 0);
        Interlocked.Exchange(ref _heartbeatWanted, 0);
        var heartbeat = new WorkerHeartbeat { Sequence = lease.NextSequence(), Usage = agent.Usage() };
        Interlocked.Exchange(ref _sequence, heartbeat.Sequence);
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

using System.Threading.Channels;
using Grpc.Core;
using HiveMind.Edge;
using HiveMind.Tasks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Wire = HiveMind.Protos;

namespace HiveMind.Nodes;

/// <summary>Makes one session a stream.</summary>
internal sealed class WorkerSessions(
    IGrainFactory grains, ReportReader reports, HubOptions options, TimeProvider time, IHostApplicationLifetime lifetime, ILogger<WorkerSession> log)
{
    public Task Run(NodeIdentity node, IAsyncStreamReader<Wire.WorkerMessage> input, IServerStreamWriter<Wire.HubMessage> output, ServerCallContext context) =>
        new WorkerSession(node.NodeId, grains, reports, options, time, lifetime, log).Run(input, output, context.CancellationToken);
}

/// <summary>
/// One worker's open stream. Four loops that never wait for each other: reading, heartbeats, reports, writing. A slow report never delays
/// a heartbeat, a slow reader never delays the hub; every queue is bounded. Whoever ends it first says why.
/// </summary>
internal sealed partial class WorkerSession(
    string nodeId, IGrainFactory grains, ReportReader reader, HubOptions options, TimeProvider time, IHostApplicationLifetime lifetime, ILogger<WorkerSession> log)
{
    private const int MaxWaitingFrames = 1000, MaxWaitingReports = 1000, ReportBatch = 128, HeartbeatFailuresToClose = 3;
    private const string StaleEpoch = "STALE_EPOCH";

    private readonly INodeGrain _node = grains.GetGrain<INodeGrain>(nodeId);
    private readonly Channel<Wire.HubMessage> _frames = Channel.CreateBounded<Wire.HubMessage>(MaxWaitingFrames);
    private readonly Channel<Wire.TaskReport> _reports = Channel.CreateBounded<Wire.TaskReport>(MaxWaitingReports);
    /// <summary>Only the newest counts: answering it renews the lease from when it was sent.</summary>
    private readonly Channel<Wire.WorkerHeartbeat> _heartbeats =
        Channel.CreateBounded<Wire.WorkerHeartbeat>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });
    /// <summary>Ends with the reason for ending; null when the worker ended the stream itself.</summary>
    private readonly TaskCompletionSource<Exception?> _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TimeSpan _idleLimit = 2 * options.Tasks.LeaseDuration;
    private readonly StreamPace _pace = new(time), _stalePace = new(time, StreamPace.StalePerSecond, StreamPace.StaleBurst);
    private long _epoch;
    private int _mostRunning = NodeRules.MaxRunning;
    private bool _drains, _wasClosedByWorker, _hasLeft;

    public async Task Run(IAsyncStreamReader<Wire.WorkerMessage> input, IServerStreamWriter<Wire.HubMessage> output, CancellationToken cancel)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        using var gone = cancel.Register(() => End(null));
        using var stopping = lifetime.ApplicationStopping.Register(() => End(ErrorMapping.Unavailable("STOPPING", "This hub is stopping: connect again.")));
        await using var idle = time.CreateTimer(_ => End(Silent()), null, _idleLimit, Timeout.InfiniteTimeSpan);
        var hello = await ReadHello(input);
        _mostRunning = NodeRules.MostRunning(hello.Capabilities);
        var link = new WorkerLink(Push, ClosedByHub);
        var reference = grains.CreateObjectReference<IWorkerLink>(link);
        try
        {
            var welcome = await _node.Connect(reference, NodeMapping.ToCapabilities(hello.Capabilities), NodeMapping.ToAttempts(hello.Running), NodeMapping.ToStart(hello));
            _epoch = welcome.Epoch;
            Opened(nodeId, _epoch);
            EdgeInstruments.StreamOpened();
            // Written before the writer starts: whatever the grain pushed meanwhile waits behind it.
            await Ended(output.WriteAsync(NodeMapping.ToFrame(welcome, nodeId), stop.Token));
            var beating = Guard(Beat(reference, stop.Token));
            var reporting = Guard(Report(stop.Token));
            var writing = Guard(Write(output, stop.Token));
            await Read(input, idle);
            if (await _end.Task is { } reason) throw reason;
            // The worker closed its side: what it reported last is still answered.
            _heartbeats.Writer.TryComplete();
            _reports.Writer.TryComplete();
            await reporting.WaitAsync(_idleLimit, time, cancel);
            await beating.WaitAsync(_idleLimit, time, cancel);
            _frames.Writer.TryComplete();
            await writing.WaitAsync(_idleLimit, time, cancel);
            _hasLeft = _drains && _wasClosedByWorker;
        }
        finally
        {
            await stop.CancelAsync();
            grains.DeleteObjectReference<IWorkerLink>(reference);
            GC.KeepAlive(link);
            if (_epoch != 0) await Leave();
        }
    }

    private async Task<Wire.WorkerHello> ReadHello(IAsyncStreamReader<Wire.WorkerMessage> input)
    {
        var first = await Next(input);
        if (!first && _end.Task.IsCompletedSuccessfully && _end.Task.Result is { } reason) throw reason;
        if (!first || input.Current.MessageCase != Wire.WorkerMessage.MessageOneofCase.Hello)
            throw HiveMindException.Invalid("hello", "The first message is hello.");
        NodeRules.Check(input.Current.Hello).ThrowIfAny();
        return input.Current.Hello;
    }

    private async Task Read(IAsyncStreamReader<Wire.WorkerMessage> input, ITimer idle)
    {
        while (await Next(input))
        {
            idle.Change(_idleLimit, Timeout.InfiniteTimeSpan);
            if (_pace.Take(CostOf(input.Current)) is var wait && wait > TimeSpan.Zero) await Ended(Task.Delay(wait, time));
            switch (input.Current.MessageCase)
            {
                case Wire.WorkerMessage.MessageOneofCase.Heartbeat: Accept(input.Current.Heartbeat); break;
                case Wire.WorkerMessage.MessageOneofCase.Report: Accept(input.Current.Report); break;
                case Wire.WorkerMessage.MessageOneofCase.Drain: _drains = true; _ = Guard(_node.Drain(_epoch)); break;
                case Wire.WorkerMessage.MessageOneofCase.Hello: End(HiveMindException.Invalid("hello", "Only the first message is hello.")); break;
                default: break; // a message of a newer worker: ignored, as protobuf ignores unknown fields
            }
        }
        End(null);
    }

    /// <summary>In the work that it makes: a heartbeat has each name looked at.</summary>
    private static int CostOf(Wire.WorkerMessage message) =>
        message.MessageCase == Wire.WorkerMessage.MessageOneofCase.Heartbeat ? 10 + message.Heartbeat.Running.Count / 4 : 1;

    /// <summary>The next message, or false when the session is over, for whatever reason.</summary>
    private async Task<bool> Next(IAsyncStreamReader<Wire.WorkerMessage> input)
    {
        var next = input.MoveNext(CancellationToken.None);
        if (await Task.WhenAny(next, _end.Task) == next && !_end.Task.IsCompleted)
        {
            try { return await next || !(_wasClosedByWorker = true); }
            catch (Exception e) when (e is IOException or OperationCanceledException) { End(null); return false; } // the connection broke
        }
        _ = next.ContinueWith(t => t.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        return false;
    }

    private void Accept(Wire.WorkerHeartbeat heartbeat)
    {
        var problems = NodeRules.Check(heartbeat, _mostRunning);
        if (problems.Count > 0) End(new InvalidRequestException(problems));
        else _heartbeats.Writer.TryWrite(heartbeat);
    }

    private void Accept(Wire.TaskReport report)
    {
        if (!_reports.Writer.TryWrite(report)) Answer(report, StatusCode.Unavailable, "TOO_MANY_REPORTS", "Too many reports at once: send it again.");
    }

    private async Task Beat(IWorkerLink link, CancellationToken cancel)
    {
        var failures = 0;
        await foreach (var beat in _heartbeats.Reader.ReadAllAsync(cancel))
        {
            try
            {
                await _node.Heartbeat(_epoch, link, NodeMapping.ToAttempts(beat.Running), NodeMapping.ToUsage(beat.Usage));
                failures = 0;
                Push(new Wire.HubMessage { HeartbeatAnswer = new Wire.HeartbeatAnswer { Sequence = beat.Sequence } });
            }
            catch (Exception e) when (!IsFinal(e))
            {
                HeartbeatFailed(nodeId, ++failures, e.GetType().Name, e.Message);
                if (failures >= HeartbeatFailuresToClose) throw ErrorMapping.Unavailable("HEARTBEATS_FAIL", "The hub cannot take heartbeats: connect again.");
            }
        }
    }

    private async Task Report(CancellationToken cancel)
    {
        var batch = new List<Wire.TaskReport>();
        while (await _reports.Reader.WaitToReadAsync(cancel))
        {
            batch.Clear();
            while (batch.Count < ReportBatch && _reports.Reader.TryRead(out var report)) batch.Add(report);
            await Report(batch, cancel);
        }
    }

    private async Task Report(List<Wire.TaskReport> batch, CancellationToken cancel)
    {
        var read = new List<(Wire.TaskReport Wire, TaskOutcomeReport Report)>(batch.Count);
        foreach (var report in batch)
        {
            try { read.Add((report, await reader.Read(nodeId, report, BlobRef.InlineLimit, cancel))); }
            catch (InvalidRequestException e) { Answer(report, StatusCode.InvalidArgument, "INVALID_FIELD", $"{e.Problems[0].Field}: {e.Problems[0].Fix}"); }
        }
        if (read.Count == 0) return;
        try
        {
            var verdicts = await _node.Report(_epoch, [.. read.Select(r => r.Report)]);
            for (var i = 0; i < read.Count; i++) Answer(read[i].Wire, verdicts[i]);
            // Only its own reports wait for that; its heartbeats do not.
            var stale = verdicts.Count(verdict => verdict.Kind == ReportVerdictKind.Stale);
            if (stale > 0 && _stalePace.Take(stale) is var wait && wait > TimeSpan.Zero) await Task.Delay(wait, time, cancel);
        }
        catch (Exception e) when (!IsFinal(e))
        {
            ReportsFailed(nodeId, read.Count, e.GetType().Name, e.Message);
            foreach (var (report, _) in read) Answer(report, StatusCode.Unavailable, "TRY_AGAIN", "The hub could not take the report: send it again.");
        }
    }

    private void Answer(Wire.TaskReport report, ReportVerdict verdict) => Answer(report, ReportVerdicts.CodeOf(verdict.Kind), verdict.Reason, verdict.Message);

    private void Answer(Wire.TaskReport report, StatusCode code, string reason, string message) => Push(new Wire.HubMessage
    {
        ReportAnswer = new Wire.ReportAnswer { TaskId = report.TaskId, Attempt = report.Attempt, Kind = report.Kind, Code = (int)code, Reason = reason, Message = message },
    });

    private async Task Write(IServerStreamWriter<Wire.HubMessage> output, CancellationToken cancel)
    {
        await foreach (var frame in _frames.Reader.ReadAllAsync(cancel)) await output.WriteAsync(frame, cancel);
    }

    private void Push(Wire.HubMessage frame)
    {
        if (_frames.Writer.TryWrite(frame) || _end.Task.IsCompleted) return;
        End(HiveMindException.Exhausted("SLOW_READER", "1,000 frames wait for this worker: connect again.", TimeSpan.FromSeconds(1)));
    }

    private void ClosedByHub(string reason)
    {
        var isWord = reason.Length > 0 && reason.All(c => c is >= 'A' and <= 'Z' or '_');
        End(HiveMindException.Aborted(isWord ? reason : "CLOSED_BY_HUB", $"The hub closed this stream: {reason}"));
    }

    /// <summary>Waits for a step unless the session ends meanwhile.</summary>
    private async Task Ended(Task step)
    {
        await Task.WhenAny(step, _end.Task);
        if (step.IsCompleted) await step;
    }

    /// <summary>A loop that fails ends the session with its failure.</summary>
    private async Task Guard(Task loop)
    {
        try { await loop; }
        catch (OperationCanceledException) { End(null); }
        catch (Exception e) { End(e); }
    }

    private void End(Exception? reason) => _end.TrySetResult(reason);

    private static bool IsFinal(Exception e) => e is HiveMindException { Kind: FailureKind.Aborted, Reason: StaleEpoch } or OperationCanceledException;

    private RpcException Silent() =>
        ErrorMapping.Build(StatusCode.DeadlineExceeded, "STREAM_IDLE", $"The worker was silent for {_idleLimit.TotalSeconds:0} s.");

    private async Task Leave()
    {
        try
        {
            await _node.Disconnect(_epoch);
            if (_hasLeft) await _node.Leave(_epoch);
        }
        catch (Exception e) { DisconnectFailed(nodeId, _epoch, e.GetType().Name, e.Message); } // the lease runs out by itself
        EdgeInstruments.StreamClosed();
        Closed(nodeId, _epoch);
    }
}

/// <summary>A verdict as the status code it has on the wire.</summary>
internal static class ReportVerdicts
{
    public static StatusCode CodeOf(ReportVerdictKind kind) => kind switch
    {
        ReportVerdictKind.Accepted => StatusCode.OK,
        ReportVerdictKind.Stale => StatusCode.Aborted,
        _ => StatusCode.Unavailable,
    };
}

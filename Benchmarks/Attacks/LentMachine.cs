using System.Collections.Concurrent;
using System.Security.Cryptography;
using Google.Protobuf;
using Grpc.Core;
using HiveMind.Protos;

namespace HiveMind.Benchmarks;

/// <summary>
/// A machine with a real node token and an open stream, and nobody to say what goes over it: it beats as a worker does until it is told otherwise, and
/// ends what it is given with any output.
/// </summary>
internal sealed class LentMachine : IAsyncDisposable
{
    private readonly NodeManagerService.NodeManagerServiceClient _nodes;
    private readonly AsyncDuplexStreamingCall<WorkerMessage, HubMessage> _stream;
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _writing = new(1);
    private readonly ConcurrentDictionary<(string, int), AttemptRef> _running = new();
    private readonly Task _reading, _beating;
    private int _answers, _beats;

    /// <summary>A task for such a machine.</summary>
    public static SubmitTaskRequest Noop() => new()
    {
        TaskType = "noop", TaskData = ByteString.CopyFromUtf8("1"), Requirements = new() { CpuCores = 0.1, MemoryMb = 16, TimeoutSeconds = 60 },
    };

    private LentMachine(NodeManagerService.NodeManagerServiceClient nodes, string nodeId, Metadata token, bool beats)
    {
        (_nodes, NodeId, Token) = (nodes, nodeId, token);
        _stream = nodes.Work(token, DateTime.MaxValue, _stop.Token);
        _reading = Task.Run(Read);
        _beating = beats ? Task.Run(Beat) : Task.CompletedTask;
    }

    public string NodeId { get; }
    public Metadata Token { get; }
    /// <summary>What it was given, each once.</summary>
    public ConcurrentQueue<Assignment> Given { get; } = new();
    /// <summary>How the stream ended; null while it is open.</summary>
    public RpcException? Ended { get; private set; }
    /// <summary>Answers to its reports, and to its heartbeats.</summary>
    public int Answers => Volatile.Read(ref _answers);
    public int Beats => Volatile.Read(ref _beats);

    public static async Task<LentMachine> Lend(
        ChannelBase channel, Metadata owner, string nodeId, double cores = 4, long memoryMb = 4096, bool beats = true, bool speaks = true, params string[] types)
    {
        var nodes = new NodeManagerService.NodeManagerServiceClient(channel);
        var offered = new NodeCapabilities { CpuCores = cores, MemoryMb = memoryMb, Sandboxed = true };
        offered.SupportedTasks.AddRange(types);
        var registered = await nodes.RegisterNodeAsync(new() { NodeId = nodeId, Hostname = "lent", Capabilities = offered }, owner);
        var machine = new LentMachine(nodes, nodeId, new() { { "authorization", $"Bearer {registered.NodeToken}" } }, beats);
        if (speaks) await machine.Say(new() { Hello = new() { Capabilities = offered } });
        return machine;
    }

    /// <summary>Whatever it likes to say.</summary>
    public async Task Say(WorkerMessage message)
    {
        await _writing.WaitAsync();
        try
        {
            await _stream.RequestStream.WriteAsync(message);
        }
        finally
        {
            _writing.Release();
        }
    }

    /// <summary>Ends an attempt with so many random bytes of output.</summary>
    public async Task Complete(Assignment assignment, int bytes)
    {
        var output = RandomNumberGenerator.GetBytes(bytes);
        using var call = _nodes.SendOutput(Token);
        await call.RequestStream.WriteAsync(new() { Header = new() { TaskId = assignment.TaskId, Attempt = assignment.Attempt, Stream = "stdout", Size = bytes } });
        for (var at = 0; at < bytes; at += 65_536)
            await call.RequestStream.WriteAsync(new() { Data = UnsafeByteOperations.UnsafeWrap(output.AsMemory(at, Math.Min(65_536, bytes - at))) });
        await call.RequestStream.CompleteAsync();
        var stored = await call;
        _running.TryRemove((assignment.TaskId, assignment.Attempt), out _);
        await Say(new()
        {
            Report = new()
            {
                TaskId = assignment.TaskId, Attempt = assignment.Attempt, Kind = TaskReportKind.Ended, RunMs = 1,
                Result = new() { Size = stored.Size, Sha256 = stored.Sha256, Receipt = stored.Receipt },
            },
        });
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_reading, _beating);
        _stream.Dispose();
        _writing.Dispose();
        _stop.Dispose();
    }

    private async Task Read()
    {
        try
        {
            while (await _stream.ResponseStream.MoveNext(CancellationToken.None))
            {
                var said = _stream.ResponseStream.Current;
                if (said.MessageCase == HubMessage.MessageOneofCase.ReportAnswer) Interlocked.Increment(ref _answers);
                if (said.MessageCase == HubMessage.MessageOneofCase.HeartbeatAnswer) Interlocked.Increment(ref _beats);
                if (said.MessageCase != HubMessage.MessageOneofCase.Assign) continue;
                if (_running.TryAdd((said.Assign.TaskId, said.Assign.Attempt), new() { TaskId = said.Assign.TaskId, Attempt = said.Assign.Attempt, Started = true }))
                    Given.Enqueue(said.Assign);
            }
        }
        catch (RpcException ended)
        {
            Ended = ended;
        }
    }

    private async Task Beat()
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(400));
        var sequence = 0;
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token))
            {
                var beat = new WorkerHeartbeat { Sequence = ++sequence };
                beat.Running.AddRange(_running.Values);
                await Say(new() { Heartbeat = beat });
            }
        }
        catch (Exception over) when (over is OperationCanceledException or RpcException or InvalidOperationException)
        {
            // the stream is closed
        }
    }
}

using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Grpc.Core;

namespace HiveMind.Edge;

/// <summary>
/// A request's bytes on their way to gRPC. It reads along: of each message the header says how long it will be, so what is over the method's limit
/// is refused at its fifth byte, and what is large waits for room in memory before more of it is taken from the network. It also notes how long was
/// waited for how many bytes, by which a slow sender is told from a slow hub.
/// </summary>
internal sealed class MessageGate(PipeReader inner, RpcRule rule, bool isUnary, bool isPacked, string payer, ByteBudget budget, TimeProvider time) : PipeReader
{
    private const int HeaderBytes = 5;
    /// <summary>Deflate makes at most so many bytes of one.</summary>
    private const long MostPerPackedByte = 1032;

    private ReadOnlySequence<byte> _buffer;
    private RpcException? _failure;
    // Positions in the body: what gRPC has taken, what has arrived, where the next message begins.
    private long _consumed, _arrived, _nextMessage;
    private long _waited, _waitingSince, _held;

    /// <summary>Fires when the call is over, so that nobody waits for room on its behalf.</summary>
    public CancellationToken Cut { get; set; }
    /// <summary>Bytes that have come.</summary>
    public long Arrived => Volatile.Read(ref _arrived);
    /// <summary>Waiting for the caller just now: for the rest of what it has begun, or, of a unary call, for its end.</summary>
    public bool IsExpecting => Volatile.Read(ref _waitingSince) != 0 && (isUnary || Arrived != Volatile.Read(ref _nextMessage));
    /// <summary>It holds room that others wait for.</summary>
    public bool IsInTheWay => Volatile.Read(ref _held) > 0 && budget.HasWaiting;
    /// <summary>How long the hub has waited for the caller, all in all.</summary>
    public TimeSpan Waited => new(Volatile.Read(ref _waited) + (Volatile.Read(ref _waitingSince) is not 0 and var since ? time.GetElapsedTime(since).Ticks : 0));

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfFailed();
        var read = inner.ReadAsync(cancellationToken);
        if (!read.IsCompletedSuccessfully) return Later(read);
        var result = read.Result;
        return Inspect(result) is not 0 and var room ? WithRoom(result, room) : ValueTask.FromResult(result);
    }

    /// <summary>gRPC never asks this way, and who asks without waiting could not wait for room.</summary>
    public override bool TryRead(out ReadResult result) => throw new NotSupportedException();

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        _consumed += _buffer.Slice(0, consumed).Length;
        _buffer = default;
        inner.AdvanceTo(consumed, examined);
    }

    public override void CancelPendingRead() => inner.CancelPendingRead();

    public override void Complete(Exception? exception = null) => inner.Complete(exception);

    /// <summary>Whoever reads, or comes to read, is told that.</summary>
    public void Fail(RpcException reason)
    {
        Interlocked.CompareExchange(ref _failure, reason, null);
        inner.CancelPendingRead();
    }

    /// <summary>Gives back what it holds; the call is over.</summary>
    public void Release() => budget.Return(payer, Interlocked.Exchange(ref _held, 0));

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ReadResult> Later(ValueTask<ReadResult> read)
    {
        ReadResult result;
        Volatile.Write(ref _waitingSince, time.GetTimestamp());
        try
        {
            result = await read;
        }
        finally
        {
            Volatile.Write(ref _waited, Waited.Ticks);
            Volatile.Write(ref _waitingSince, 0);
        }

        if (result.IsCanceled) ThrowIfFailed();
        if (Inspect(result) is not 0 and var room) await Take(room);
        return result;
    }

    private async ValueTask<ReadResult> WithRoom(ReadResult result, long room)
    {
        if (result.IsCanceled) ThrowIfFailed();
        await Take(room);
        return result;
    }

    private async Task Take(long room)
    {
        try
        {
            await budget.Take(payer, room, Cut);
            Interlocked.Add(ref _held, room);
        }
        catch (HiveMindException full)
        {
            throw _failure = ErrorMapping.FromFailure(full);
        }
    }

    /// <summary>Looks at the headers that have come, and says how much more room is needed for what they announce.</summary>
    private long Inspect(ReadResult result)
    {
        _buffer = result.Buffer;
        Volatile.Write(ref _arrived, _consumed + _buffer.Length);
        var needed = 0L;
        Span<byte> header = stackalloc byte[HeaderBytes];
        while (_nextMessage + HeaderBytes <= _arrived)
        {
            _buffer.Slice(_nextMessage - _consumed, HeaderBytes).CopyTo(header);
            var length = (long)BinaryPrimitives.ReadUInt32BigEndian(header[1..]);
            if (length > rule.MessageBytes) throw _failure = TooLarge(rule);
            var end = _nextMessage + HeaderBytes + length;
            var unpacked = isPacked && header[0] == 1 ? length + Math.Min(rule.MessageBytes, length * MostPerPackedByte) : length;
            // What is small and already here is worked on at once and needs no room of its own; what is announced only might never come.
            if (unpacked > Limits.SmallBytes || end > _arrived) needed = Math.Max(needed, unpacked);
            Volatile.Write(ref _nextMessage, end);
        }

        return Math.Max(0, needed - _held);
    }

    public static RpcException TooLarge(RpcRule rule) => ErrorMapping.Build(
        StatusCode.ResourceExhausted, "MESSAGE_TOO_LARGE", $"A message of this method has at most {rule.MessageBytes} bytes, unpacked.");

    private void ThrowIfFailed()
    {
        if (Volatile.Read(ref _failure) is { } failure) throw failure;
    }
}

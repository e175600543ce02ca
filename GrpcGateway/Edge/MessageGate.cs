using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Grpc.Core;

namespace HiveMind.Edge;

/// <summary>
/// A request's bytes on their way to gRPC. It reads along: of each message the header says how long it will be, so what is over the method's limit
/// is refused at its fifth byte, and what is large waits for room in memory before more of it is taken from the network. It also notes how long was
/// waited for how many bytes, by which a slow sender is told from a slow hub. A message of megabytes it brings together in one array of its own length,
/// as it comes: gRPC would let it pile up in the network's small buffers, which stay with the process for good, until all of it is there.
/// </summary>
internal sealed class MessageGate(
    PipeReader inner, RpcRule rule, bool isUnary, bool isPacked, string payer, ByteBudget budget, LargeArrays arrays, TimeProvider time) : PipeReader
{
    private const int HeaderBytes = 5;
    /// <summary>Deflate makes at most so many bytes of one.</summary>
    private const long MostPerPackedByte = 1032;

    private ReadOnlySequence<byte> _buffer;
    private RpcException? _failure;
    // Positions in the body: what gRPC has taken, what has arrived, where the next message begins.
    private long _consumed, _arrived, _nextMessage;
    private long _waited, _waitingSince, _held;
    // A large message: its length with the header, the array it is in, and whether gRPC is just reading it from there.
    private int _large;
    private byte[]? _array;
    private bool _isGathered, _isGatheredToEnd;
    private volatile bool _isOver;
    private volatile TaskCompletionSource? _settled;

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
        if (_isGathered) return ValueTask.FromResult(new ReadResult(_buffer, isCanceled: false, _isGatheredToEnd));
        var read = inner.ReadAsync(cancellationToken);
        if (!read.IsCompletedSuccessfully) return Later(read, cancellationToken);
        var result = read.Result;
        var room = Inspect(result);
        return room == 0 && _large == 0 ? ValueTask.FromResult(result) : WithRoom(result, room, cancellationToken);
    }

    /// <summary>gRPC never asks this way, and who asks without waiting could not wait for room.</summary>
    public override bool TryRead(out ReadResult result) => throw new NotSupportedException();

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        _consumed += _buffer.Slice(0, consumed).Length;
        if (_isGathered)
        {
            _buffer = _buffer.Slice(consumed);
            _isGathered = !_buffer.IsEmpty;
            return;
        }

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

    /// <summary>
    /// The method has returned, but what it left behind may still wait for bytes. That read has to end with this call: Kestrel gives the stream to the next
    /// call of the connection, and one that ends then leaves it as if somebody were reading, so that the next call cannot.
    /// </summary>
    public async ValueTask Settle()
    {
        _isOver = true;
        if (Volatile.Read(ref _waitingSince) == 0) return;
        var settled = _settled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _waitingSince) == 0) return;
        inner.CancelPendingRead();
        await settled.Task;
    }

    /// <summary>Gives back what it holds; the call is over, its method has returned and nothing of it reads the message any more.</summary>
    public void Release()
    {
        if (Interlocked.Exchange(ref _array, null) is { } array) arrays.Return(array);
        budget.Return(payer, Interlocked.Exchange(ref _held, 0));
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ReadResult> Later(ValueTask<ReadResult> read, CancellationToken cancel)
    {
        var result = await Awaited(read);
        var room = Inspect(result);
        if (room != 0) await Take(room);
        return _large == 0 ? result : await Gather(result, cancel);
    }

    private async ValueTask<ReadResult> WithRoom(ReadResult result, long room, CancellationToken cancel)
    {
        if (result.IsCanceled) ThrowIfFailed();
        if (room != 0) await Take(room);
        return _large == 0 ? result : await Gather(result, cancel);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ReadResult> Awaited(ValueTask<ReadResult> read)
    {
        ReadResult result;
        Volatile.Write(ref _waitingSince, time.GetTimestamp());
        try
        {
            result = await read;
            if (_isOver) inner.AdvanceTo(result.Buffer.Start);
        }
        finally
        {
            Volatile.Write(ref _waited, Waited.Ticks);
            Volatile.Write(ref _waitingSince, 0);
            Interlocked.MemoryBarrier();
            _settled?.TrySetResult();
        }

        if (_isOver) throw new IOException("The call is over.");
        if (result.IsCanceled) ThrowIfFailed();
        return result;
    }

    /// <summary>From the first bytes of a large message to its last, or to the end of a body that is too short for it.</summary>
    private async ValueTask<ReadResult> Gather(ReadResult read, CancellationToken cancel)
    {
        var array = _array ??= arrays.Rent(_large);
        for (var filled = 0; ;)
        {
            var part = read.Buffer.Slice(0, Math.Min(read.Buffer.Length, _large - filled));
            part.CopyTo(array.AsSpan(filled));
            filled += (int)part.Length;
            _isGatheredToEnd = read.IsCompleted && part.Length == read.Buffer.Length;
            inner.AdvanceTo(part.End);
            if (filled == _large || _isGatheredToEnd)
            {
                _buffer = new ReadOnlySequence<byte>(array, 0, filled);
                (_isGathered, _large) = (true, 0);
                return new ReadResult(_buffer, isCanceled: false, _isGatheredToEnd);
            }

            read = await Awaited(inner.ReadAsync(cancel));
            Volatile.Write(ref _arrived, _consumed + filled + read.Buffer.Length);
        }
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
            // One per call: gRPC refuses a second one of those that may be so large.
            if (isUnary && length > Limits.OrdinaryBytes && _nextMessage == _consumed && end > _arrived && _array is null) _large = (int)(HeaderBytes + length);
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

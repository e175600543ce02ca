using System.IO.Pipelines;
using Grpc.Core;
using HiveMind.Users;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace HiveMind.Edge;

/// <summary>
/// One call from its admission to its last byte. The hub may end it from outside: its cancellation token fires, what it waits to read fails, and the
/// caller is told why. A caller that does not even take that is cut off.
/// </summary>
internal sealed class OpenCall : IRequestBodyPipeFeature, IDisposable
{
    private static readonly object Key = new();

    private readonly HttpContext _http;
    private readonly OpenCalls _calls;
    private readonly string _payer;
    private readonly StreamSlot? _slot;
    private readonly List<(ByteBudget Budget, long Bytes)> _held = [];
    private readonly CancellationTokenRegistration? _takenBack;
    private readonly CancellationTokenSource? _cut;
    private readonly Lock _turn = new();
    private RpcException? _endedBy;
    private bool _isOver;

    public OpenCall(HttpContext http, OpenCalls calls, MethodType type, RpcRule rule, SessionToken? token, string payer, StreamSlot? slot, MessageGate gate, long now)
    {
        (_http, _calls, _payer, _slot, Type, Rule, Token, Gate, BeganAt) = (http, calls, payer, slot, type, rule, token, gate, now);
        http.Items[Key] = this;
        http.Features.Set<IRequestBodyPipeFeature>(this);
        if (type != MethodType.Unary || rule.MessageBytes > Limits.OrdinaryBytes) // others are too short for a token of their own
        {
            _cut = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted);
            http.RequestAborted = _cut.Token;
        }

        gate.Cut = http.RequestAborted;
        _takenBack = slot?.TakenBack.UnsafeRegister(static call => ((OpenCall)call!).End(ErrorMapping.FromFailure((HiveMindException)((OpenCall)call)._slot!.Ended())), this);
    }

    public MethodType Type { get; }
    public RpcRule Rule { get; }
    public SessionToken? Token { get; }
    public MessageGate Gate { get; }
    public long BeganAt { get; }
    public PipeReader Reader => Gate;
    /// <summary>Why the hub ended it.</summary>
    public RpcException? EndedBy => Volatile.Read(ref _endedBy);
    /// <summary>Kept by whoever looks at it from time to time.</summary>
    public CallPace Pace { get; } = new();

    public static OpenCall? Of(ServerCallContext context) => context.UserState.TryGetValue(Key, out var call) ? (OpenCall)call : null;

    /// <summary>The answer has begun to leave.</summary>
    public bool IsAnswering
    {
        get
        {
            lock (_turn) return !_isOver && _http.Response.HasStarted;
        }
    }

    /// <summary>Takes room for an answer, given back when the call is over, however long its reading takes.</summary>
    public static async Task Hold(ServerCallContext context, ByteBudget budget, long bytes)
    {
        if (bytes > Limits.SmallBytes && Of(context) is { } call) await call.Hold(budget, bytes, context.CancellationToken);
    }

    /// <summary>The same for one that is made already, unless there is room for it from before.</summary>
    public static async Task HoldAnswer(ServerCallContext context, ByteBudget budget, long bytes)
    {
        if (Of(context) is { } call && call._held.Count == 0) await call.Hold(budget, bytes, context.CancellationToken);
    }

    /// <summary>
    /// Where the answer took room: done when the caller has taken it, but for what fits into a socket. gRPC only hands it to the server, which keeps all of it
    /// for as long as the caller opens no window. It throws nothing: who was cut off has its end already.
    /// </summary>
    public async Task WhenRead()
    {
        if (_held.Count == 0 || !_http.Response.HasStarted) return; // a refusal is in the headers, and they must end the call
        try
        {
            await _http.Response.BodyWriter.FlushAsync(_http.RequestAborted);
        }
        catch (Exception gone) when (gone is OperationCanceledException or IOException or InvalidOperationException)
        {
        }
    }

    private async Task Hold(ByteBudget budget, long bytes, CancellationToken cancel)
    {
        await budget.Take(_payer, bytes, cancel);
        lock (_turn) _held.Add((budget, bytes));
    }

    /// <summary>Its answer takes room that others wait for.</summary>
    public bool IsInTheWay
    {
        get
        {
            lock (_turn) return _held.Exists(held => held.Budget.HasWaiting);
        }
    }

    public void ThrowIfEnded()
    {
        if (EndedBy is { } reason) throw reason;
    }

    /// <summary>Once: the first reason stays.</summary>
    public void End(RpcException reason)
    {
        lock (_turn)
        {
            if (_isOver || Interlocked.CompareExchange(ref _endedBy, reason, null) is not null) return;
            Gate.Fail(reason);
            _ = _cut?.CancelAsync();
        }
    }

    /// <summary>Resets the stream of a caller that takes no answer.</summary>
    public void Abort()
    {
        lock (_turn)
        {
            if (!_isOver) _http.Abort();
        }
    }

    public void Dispose()
    {
        _calls.Remove(this);
        lock (_turn) _isOver = true; // from here on the request may belong to another call
        Gate.Release();
        foreach (var (budget, bytes) in _held) budget.Return(_payer, bytes);
        _takenBack?.Dispose();
        _slot?.Dispose();
        _cut?.Dispose();
    }
}

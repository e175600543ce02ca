using System.Collections.Concurrent;
using Grpc.Core;
using HiveMind.Users;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Extensions.Hosting;

namespace HiveMind.Edge;

/// <summary>
/// Every call of this silo that is under way, and those who look after them: one ends what is sent too slowly or never read, the other asks every few
/// seconds whether those who hold calls open may still call at all. Whoever knows sooner that a session or a node token is over may say so.
/// </summary>
internal sealed class OpenCalls(EdgeBudgets budgets, CallerCheck callers, StrangerStreams strangers, HubOptions options, TimeProvider time) : BackgroundService
{
    public static readonly TimeSpan PaceEvery = TimeSpan.FromSeconds(1), CallersEvery = TimeSpan.FromSeconds(2.5);
    private const int QuestionsTogether = 16;

    private readonly ConcurrentDictionary<OpenCall, bool> _calls = new();

    public int Count => _calls.Count;

    public OpenCall Begin(HttpContext http, IMethod method, RpcRule rule, CallIdentity? identity)
    {
        var encoding = http.Request.Headers["grpc-encoding"];
        var isPacked = encoding.Count > 0 && encoding != "identity";
        if (isPacked) BoundedCompression.Limit(rule);
        // Kestrel would close the whole connection, with all its calls, for one that is slow: here it is that call, and it hears why.
        if (http.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate) rate.MinDataRate = null;
        var payer = CallerCheck.KeyOf(identity?.Token, http);
        var slot = rule.Who == RpcPolicy.Anonymous && method.Type != MethodType.Unary ? strangers.Take(payer) : null;
        var gate = new MessageGate(http.Request.BodyReader, rule, method.Type == MethodType.Unary, isPacked, payer, budgets.OfMessages(identity), budgets.Arrays, time);
        var call = new OpenCall(http, this, method.Type, rule, identity?.Token, payer, slot, gate, time.GetTimestamp());
        _calls.TryAdd(call, true);
        return call;
    }

    public void Remove(OpenCall call) => _calls.TryRemove(call, out _);

    /// <summary>Ends the open calls of a subject (an account's id with the prefix of sessions, a node's with that of nodes), all or those of one session.</summary>
    public void End(string prefix, string subject, string? sessionId = null)
    {
        foreach (var (call, _) in _calls)
        {
            if (call.Token is { } token && token.Prefix == prefix && token.Subject == subject && (sessionId is null || token.SessionId == sessionId))
                call.End(ErrorMapping.FromFailure(HiveMindException.Unauthenticated()));
        }
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(Every(PaceEvery, LookAtPace, stoppingToken), Every(CallersEvery, LookAtCallers, stoppingToken));

    private async Task Every(TimeSpan period, Func<CancellationToken, Task> look, CancellationToken stop)
    {
        using var timer = new PeriodicTimer(period, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stop)) await look(stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
        }
    }

    private Task LookAtPace(CancellationToken stop)
    {
        foreach (var (call, _) in _calls)
        {
            var isUnary = call.Type == MethodType.Unary;
            if ((isUnary && call.IsAnswering) || call.EndedBy is not null)
            {
                if (call.Pace.OfReading(time.GetElapsedTime(call.BeganAt), call.IsInTheWay) == PaceVerdict.NotRead) call.Abort();
            }
            else if (call.Gate.IsExpecting || call.Type == MethodType.ClientStreaming)
            {
                var gate = call.Gate;
                if (call.Pace.OfSending(gate.Arrived, gate.Waited, isUnary, gate.IsInTheWay, options.Edge.LeastBytesPerSecond) == PaceVerdict.TooSlow)
                    call.End(ErrorMapping.Build(StatusCode.DeadlineExceeded, "SLOW_SENDER", "The request came too slowly: send large programs by UploadPayload."));
            }
        }

        return Task.CompletedTask;
    }

    /// <summary>One question per token, however many calls it has open. A part of the hub that cannot say just now is asked again.</summary>
    private Task LookAtCallers(CancellationToken stop) => Parallel.ForEachAsync(
        _calls.Keys.Where(call => call is { Token: not null, EndedBy: null } && time.GetElapsedTime(call.BeganAt) >= CallersEvery)
            .GroupBy(call => (call.Token!.Prefix, call.Token.Subject, call.Token.SessionId)),
        new ParallelOptions { MaxDegreeOfParallelism = QuestionsTogether, CancellationToken = stop },
        async (calls, _) =>
        {
            try
            {
                var first = calls.First();
                await callers.Identify(first.Token!, first.Rule.Who);
            }
            catch (HiveMindException over) when (over.Kind == FailureKind.Unauthenticated)
            {
                foreach (var call in calls) call.End(ErrorMapping.FromFailure(over));
            }
            catch (Exception) when (!stop.IsCancellationRequested)
            {
            }
        });
}

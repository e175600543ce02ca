using Grpc.Core;

namespace HiveMind.Workers.Connection;

/// <summary>
/// Keeps this worker connected. When the hub falls silent, another connection is tried at once while the first is still open: whichever has the
/// hub at its other end is used. So a cut costs nothing that is over before the lease is, however long the first connection's TCP would go on waiting.
/// </summary>
internal sealed class HubConnection(
    WorkerOptions options, WorkerInstance instance, HubLine line, WorkerAgent agent, WorkerLease lease, Random chance, TimeProvider time, IWorkerConsole console) : IAsyncDisposable
{
    /// <summary>Between two connections while runs are at stake; otherwise, and when that has lasted, it doubles up to <see cref="Backoff"/>'s most.</summary>
    private static readonly TimeSpan HurriedPause = TimeSpan.FromMilliseconds(500), HeldPause = TimeSpan.FromSeconds(1), Hurry = TimeSpan.FromSeconds(30);
    private readonly Backoff _backoff = Backoff.Default(chance);
    private readonly HubSearch _search = new([options.Hub, .. options.OtherHubs], hub => new HubChannel(hub, options.NodeToken, options.Proxy), time);
    private HubSession? _session;
    private long _awaySince;
    private bool _saidAway, _saidOther, _knowsTheHub;

    /// <summary>The stream ended as a worker's that leaves: the hub has heard all that was to say.</summary>
    public bool LeftInOrder { get; private set; }

    /// <summary>Until it is cancelled, the worker has left, or no trying again helps: the exit code.</summary>
    public async Task<int> Run(Func<bool> hasLeft, CancellationToken end)
    {
        try
        {
            while (!end.IsCancellationRequested)
            {
                if (_session is { Serving.IsCompleted: false, IsSilent: false } session)
                    await Serve(session, end);
                else if (await Conclude(hasLeft, end) is { } over)
                    return over;
                else if (hasLeft())
                    break;
                else if (await Reach(end) is { } exit)
                    return exit;
            }
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
        }
        return WorkerExit.Ok;
    }

    public async ValueTask DisposeAsync()
    {
        _search.Clear();
        if (_session is not { } session)
            return;
        agent.Detach(session);
        await session.DisposeAsync();
    }

    /// <summary>While it is there and the hub is heard.</summary>
    private async Task Serve(HubSession session, CancellationToken end)
    {
        _search.Clear();
        _awaySince = 0;
        if (_saidAway)
            console.Say(WorkerEvent.Info, $"{Name(session.Hub.Address)} is heard again.");
        (_saidAway, _saidOther) = (false, false);
        using var watch = CancellationTokenSource.CreateLinkedTokenSource(end);
        await Task.WhenAny(session.Serving, session.FallSilent(watch.Token));
        await watch.CancelAsync();
        if (!session.Serving.IsCompleted && session.IsSilent)
            SayAway(session.Hub.Address, "it fell silent");
    }

    /// <summary>What the end of a connection means; null: another is tried.</summary>
    private async Task<int?> Conclude(Func<bool> hasLeft, CancellationToken end)
    {
        if (_session is not { Serving.IsCompleted: true } session)
            return null;
        _session = null;
        agent.Detach(session);
        await using var _ = session;
        try
        {
            await session.Serving;
            LeftInOrder = hasLeft();
            if (!LeftInOrder)
                SayAway(session.Hub.Address, "the hub closed the connection");
        }
        catch (RpcException e)
        {
            if (Judge(e, session.Hub.Address, session) is { } exit)
                return exit;
        }
        catch (Exception e) when (e is InvalidOperationException or IOException or OperationCanceledException)
        {
            // The stream was written to after it had ended: a broken connection like any other.
            SayAway(session.Hub.Address, e.Message);
        }
        if (!hasLeft())
            await Task.Delay(Pause(), time, end);
        return null;
    }

    /// <summary>One look for a way to the hub, and a hello on it if there is one.</summary>
    private async Task<int?> Reach(CancellationToken end)
    {
        if (_awaySince == 0)
            _awaySince = time.GetTimestamp();
        if (await _search.Look(Pause(), end) is not { } channel)
            return _search.LastFailure is { } last ? Judge(last.Failure, last.Hub, null) : null;
        if (_session is { Serving.IsCompleted: false, IsSilent: false })
        {
            channel.Dispose(); // the one there is was heard again
            return null;
        }
        var next = new HubSession(channel, agent, lease, time);
        try
        {
            // Whoever is welcomed later makes the other stale: that is no news then.
            _session?.IsSuperseded = true;
            await next.Open(instance.Introduce(agent.Hello()), end);
            await Use(next);
            return null;
        }
        catch (Exception e) when (!next.WasWelcomed)
        {
            agent.Stay();
            await next.DisposeAsync();
            channel.Dispose();
            end.ThrowIfCancellationRequested();
            if (e is RpcException refused && Judge(refused, channel.Address, next) is { } exit)
                return exit;
            if (e is not (RpcException or InvalidOperationException or IOException or OperationCanceledException))
                throw;
            var pause = Pause();
            await Task.Delay(e is RpcException held && HubFailures.IsHeld(held) && pause > HeldPause ? HeldPause : pause, time, end);
            return null;
        }
    }

    private async Task Use(HubSession next)
    {
        var older = _session;
        _session = next;
        agent.Attach(next, next.Welcome!);
        next.Begin();
        if (older is not null)
            await older.DisposeAsync();
        line.Use(next.Hub);
        _backoff.Reset();
        (_saidAway, _saidOther, _knowsTheHub) = (false, false, true);
    }

    /// <summary>Short while runs are at stake: each has a lease that goes on running out.</summary>
    private TimeSpan Pause()
    {
        var next = _backoff.Next();
        return agent.HasRuns && next > HurriedPause && (_awaySince == 0 || time.GetElapsedTime(_awaySince) < Hurry)
            ? HurriedPause * (0.5 + chance.NextDouble() / 2)
            : next;
    }

    private int? Judge(RpcException e, Uri hub, HubSession? session)
    {
        var refusal = HubTrust.Refusal(e);
        if (refusal is not null && !_knowsTheHub)
        {
            console.Say(WorkerEvent.Error, $"{refusal.Message} {Remedy(refusal)}");
            return WorkerExit.NotTrusted;
        }
        if (session is not null && Final(e, hub, session) is { } final)
        {
            console.Say(WorkerEvent.Error, final.Line);
            return final.ExitCode;
        }
        SayAway(hub, refusal?.Message ?? (e.Status.Detail.Length > 0 ? e.Status.Detail : e.StatusCode.ToString()), refusal is not null);
        return null;
    }

    /// <summary>What no trying again mends. After a welcome one more connection is tried first, so that its refusal is what counts.</summary>
    private (int ExitCode, string Line)? Final(RpcException e, Uri hub, HubSession session) => e.StatusCode switch
    {
        _ when HubFailures.IsInUse(e) => (WorkerExit.AlreadyRunning, $"This worker is one too many: {e.Status.Detail}"),
        _ when HubFailures.IsStaleEpoch(e) && session is { IsSuperseded: false, Welcome.OneWorker: false } =>
            (WorkerExit.Refused, $"Another worker took over node {options.NodeId}: this one stops."),
        StatusCode.Unauthenticated or StatusCode.NotFound or StatusCode.PermissionDenied when !session.WasWelcomed =>
            (WorkerExit.NotKnown, $"The hub at {Name(hub)} does not know node {options.NodeId} by this token ({e.Status.Detail}): register it again."),
        StatusCode.InvalidArgument or StatusCode.Unimplemented or StatusCode.FailedPrecondition when !session.WasWelcomed =>
            (WorkerExit.Refused, $"The hub at {Name(hub)} refuses this worker: {e.Status.Detail}"),
        _ => null,
    };

    /// <summary>Once, until it is back. That another answers in the hub's place is news, also while it is away.</summary>
    private void SayAway(Uri hub, string cause, bool isOther = false)
    {
        if (!_saidAway || (isOther && !_saidOther))
            console.Say(WorkerEvent.Reconnecting, $"No connection to {Name(hub)} ({cause}); trying again until it is back.");
        (_saidAway, _saidOther) = (true, _saidOther || isOther);
    }

    private static string Name(Uri hub) => hub.GetLeftPart(UriPartial.Authority);

    private static string Remedy(HubNotTrustedException refusal) => refusal.IsOtherKey
        ? "If its owner gave it a new key, get a new token file (hivemind node-token) or the address that it prints now; if not, somebody may stand in between."
        : "Name it by the address that it prints at its start, which carries its key: https://HOST:PORT#sha256=….";
}

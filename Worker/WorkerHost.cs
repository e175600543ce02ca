using Grpc.Core;
using HiveMind.Workers.Attempts;
using HiveMind.Workers.Connection;
using HiveMind.Workers.Machine;
using HiveMind.Workers.Runs;

namespace HiveMind.Workers;

/// <summary>
/// The node agent: measures this machine, keeps one connection to the hub, runs what is assigned, and leaves in order. The token is the
/// first Ctrl-C or SIGTERM: the worker drains and comes back with an exit code of <see cref="WorkerExit"/>.
/// </summary>
public static class WorkerHost
{
    public static Task<int> Run(WorkerOptions options, CancellationToken stop) => Run(options, new TextWorkerConsole(Console.Error), stop);

    public static async Task<int> Run(WorkerOptions options, IWorkerConsole console, CancellationToken stop)
    {
        if (options.Validate() is { } wrong)
        {
            console.Say(WorkerEvent.Error, wrong);
            return WorkerExit.Usage;
        }
        try
        {
            using var work = WorkDirectory.Open(options.WorkDirectory, console);
            var facts = await MachineProbe.Measure(options, Path.Combine(work.Root, "files"), stop);
            using var groups = facts.Groups;
            Introduce(facts, options, console);
            return await Serve(options, facts, work, new BootTime(), console, stop);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            console.Say(WorkerEvent.Error, $"The work directory '{options.WorkDirectory}' cannot be used: {e.Message}");
            return WorkerExit.Usage;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return WorkerExit.Ok;
        }
    }

    internal static async Task<int> Serve(
        WorkerOptions options, MachineFacts facts, WorkDirectory work, TimeProvider time, IWorkerConsole console, CancellationToken stop)
    {
        var chance = new Random();
        using var hub = new HubChannel(options.Hub, options.NodeToken);
        var lease = new WorkerLease(time);
        var table = new AttemptTable();
        List<IRunner> runners = [];
        if (facts.Python is not null && facts.Confinement.DiesWithWorker)
            runners.Add(new PythonRunner(facts.Python, facts.Confinement, facts.Groups, new CpuSlots(facts.Processors), time));
        if (options.AllowNoop)
            runners.Add(new NoopRunner(time));
        var room = DiskRoom.Of(work.Root, time);
        var executor = new AttemptExecutor(runners, work, new Transfers(hub, chance, time), table,
            new DiskShare(facts.DiskMb), room, new GpuSlots(facts.Gpus.Select(g => g.Id)), time);
        var agent = new WorkerAgent(
            MachineProbe.Capabilities(facts, options), table, executor, new UsageMeter(facts.Gpus.Count > 0, time), room, lease, chance, time, console);

        using var end = new CancellationTokenSource();
        var watching = agent.WatchLease(end.Token);
        var connecting = StayConnected(options, hub, agent, lease, Backoff.Default(chance), time, console, stop, end.Token);
        await Task.WhenAny(connecting, Task.Delay(Timeout.Infinite, stop));
        if (!connecting.IsCompleted)
        {
            console.Say(WorkerEvent.Stopping, "Stopping: what runs here is handed back to the hub.");
            await agent.Drain(options.DrainTimeout);
            await Task.WhenAny(connecting, Task.Delay(TimeSpan.FromSeconds(2), CancellationToken.None));
        }
        await end.CancelAsync();
        await watching;
        await agent.DropAll("worker stopped");
        return await connecting;
    }

    private static async Task<int> StayConnected(
        WorkerOptions options, HubChannel hub, WorkerAgent agent, WorkerLease lease, Backoff backoff, TimeProvider time, IWorkerConsole console,
        CancellationToken stop, CancellationToken end)
    {
        var (saidAway, saidOther, knowsTheHub) = (false, false, false);
        while (!end.IsCancellationRequested)
        {
            var session = new HubSession(hub, agent, lease, time);
            var cause = "the hub closed the connection";
            HubNotTrustedException? refusal = null;
            try
            {
                await session.Run(end);
            }
            catch (OperationCanceledException)
            {
                break;
            }
            catch (RpcException e)
            {
                if (end.IsCancellationRequested)
                    break;
                refusal = HubTrust.Refusal(e);
                if (refusal is not null && !knowsTheHub)
                {
                    console.Say(WorkerEvent.Error, $"{refusal.Message} {Remedy(refusal)}");
                    return WorkerExit.NotTrusted;
                }
                if (Final(e, session.WasWelcomed, options) is { } final)
                {
                    console.Say(WorkerEvent.Error, final.Line);
                    return final.ExitCode;
                }
                cause = refusal?.Message ?? (e.Status.Detail.Length > 0 ? e.Status.Detail : e.StatusCode.ToString());
            }
            catch (Exception e) when (e is InvalidOperationException or IOException)
            {
                // The stream was written to after it had ended: a broken connection like any other.
                cause = e.Message;
            }
            finally
            {
                agent.Detach();
            }
            if (stop.IsCancellationRequested)
                break;
            if (session.WasWelcomed)
            {
                backoff.Reset();
                (saidAway, saidOther, knowsTheHub) = (false, false, true);
            }
            // That another answers in the hub's place is news, also while it is away.
            if (!saidAway || (refusal is not null && !saidOther))
                console.Say(WorkerEvent.Reconnecting, $"No connection to {Name(options.Hub)} ({cause}); trying again until it is back.");
            (saidAway, saidOther) = (true, saidOther || refusal is not null);
            await Task.Delay(backoff.Next(), time, end).ContinueWith(_ => { }, TaskScheduler.Default);
        }
        return WorkerExit.Ok;
    }

    /// <summary>What no trying again mends. After a welcome one more connection is tried first, so that its refusal is what counts.</summary>
    private static (int ExitCode, string Line)? Final(RpcException e, bool welcomed, WorkerOptions options) => e.StatusCode switch
    {
        _ when HubFailures.IsStaleEpoch(e) =>
            (WorkerExit.Refused, $"Another worker took over node {options.NodeId}: this one stops."),
        StatusCode.Unauthenticated or StatusCode.NotFound or StatusCode.PermissionDenied when !welcomed =>
            (WorkerExit.NotKnown, $"The hub at {Name(options.Hub)} does not know node {options.NodeId} by this token ({e.Status.Detail}): register it again."),
        StatusCode.InvalidArgument or StatusCode.Unimplemented or StatusCode.FailedPrecondition when !welcomed =>
            (WorkerExit.Refused, $"The hub at {Name(options.Hub)} refuses this worker: {e.Status.Detail}"),
        _ => null,
    };

    private static string Name(Uri hub) => hub.GetLeftPart(UriPartial.Authority);

    private static string Remedy(HubNotTrustedException refusal) => refusal.IsOtherKey
        ? "If its owner gave it a new key, get a new token file (hivemind node-token) or the address that it prints now; if not, somebody may stand in between."
        : "Name it by the address that it prints at its start, which carries its key: https://HOST:PORT#sha256=….";

    private static void Introduce(MachineFacts facts, WorkerOptions options, IWorkerConsole console)
    {
        var gpus = facts.Gpus.Count > 0 ? $", {facts.Gpus.Count} × {facts.GpuModel}" : "";
        var python = facts.Python is null ? "no python3" : $"Python {facts.Python.Version}";
        console.Say(WorkerEvent.Info, $"This machine lends {facts.Cores:0.##} cores, {facts.MemoryMb} MB of memory, {facts.DiskMb} MB of disk{gpus}; {python}.");
        if (facts.Python is null)
            console.Say(WorkerEvent.Warning, "Install python3 to take Python tasks.");
        else if (!facts.Confinement.DiesWithWorker)
            console.Say(WorkerEvent.Warning, "Install util-linux (setpriv, setsid): without it a program could outlive this worker, so none is run.");
        if (facts.Groups is { } groups)
            console.Say(WorkerEvent.Info, $"Every run is limited by {groups.Kind}: {string.Join(", ", groups.Controllers)}.");
        else if (facts.Python is not null)
            console.Say(WorkerEvent.Warning, $"No control groups limit what a run uses ({facts.GroupsNote}): it is looked at 20 times a second. "
                + (options.AcceptStrangers || options.Unsandboxed ? "Tasks of strangers are taken all the same, as asked." : "Only tasks of this node's owner are taken. Ask `worker --check` how to get them."));
        if (facts.Confinement.Isolates)
            console.Say(WorkerEvent.Info, "Programs run isolated by bubblewrap: no network, no homes, no environment.");
        else
            console.Say(WorkerEvent.Warning, $"Programs are not isolated: {facts.Confinement.Note}. "
                + (options.Unsandboxed ? "Tasks of strangers are taken all the same, as asked." : "Only tasks of this node's owner are taken."));
        if (!facts.Confinement.OwnsWholeTree && facts.Python is not null)
            console.Say(WorkerEvent.Warning,
                "No process namespaces here: if this worker is killed with -9, what a program started by itself may outlive it.");
    }
}

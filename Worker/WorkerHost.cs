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
        using var line = new HubLine();
        var lease = new WorkerLease(time);
        var table = new AttemptTable();
        List<IRunner> runners = [];
        await using var python = facts.Python is not null && facts.Confinement.DiesWithWorker
            ? new PythonRunner(facts.Python, facts.Confinement, facts.Groups, new CpuSlots(facts.Processors), time, work.NewWarm) : null;
        if (python is not null)
            runners.Add(python);
        if (options.AllowNoop)
            runners.Add(new NoopRunner(time));
        var room = DiskRoom.Of(work.Root, time);
        var executor = new AttemptExecutor(runners, work, new Transfers(line, chance, time), table,
            new DiskShare(facts.DiskMb), room, new GpuSlots(facts.Gpus.Select(g => g.Id)), time);
        var agent = new WorkerAgent(
            MachineProbe.Capabilities(facts, options), table, executor, new UsageMeter(facts.Gpus.Count > 0, time), room, lease, chance, time, console);
        using var instance = WorkerInstance.Open(options.WorkDirectory, options.NodeId);
        await using var connection = new HubConnection(options, instance, line, agent, lease, chance, time, console);

        using var end = new CancellationTokenSource();
        var watching = agent.WatchLease(end.Token);
        var hasLeft = false;
        var connecting = connection.Run(() => Volatile.Read(ref hasLeft), end.Token);
        await Task.WhenAny(connecting, Task.Delay(Timeout.Infinite, stop));
        if (!connecting.IsCompleted)
        {
            console.Say(WorkerEvent.Stopping, "Stopping: what runs here is handed back to the hub.");
            await agent.Drain(options.DrainTimeout);
            Volatile.Write(ref hasLeft, true);
            if (agent.IsConnected)
                await Task.WhenAny(connecting, Task.Delay(TimeSpan.FromSeconds(2), CancellationToken.None));
        }
        await end.CancelAsync();
        await watching;
        await agent.DropAll("worker stopped");
        var exit = await connecting;
        if (connection.LeftInOrder)
            instance.Forget();
        return exit;
    }

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

using System.Collections.Concurrent;
using HiveMind.Nodes;
using HiveMind.Tasks;
using HiveMind.Users;

namespace HiveMind.Tests.Cluster;

/// <summary>A worker stream that writes down what it is told.</summary>
internal sealed class RecordedLink : IWorkerLink
{
    public ConcurrentQueue<TaskAssignment> Assigned { get; } = new();
    public ConcurrentQueue<(string TaskId, int Attempt, string Reason)> Killed { get; } = new();
    public ConcurrentQueue<string> Closed { get; } = new();
    public Action<TaskAssignment> OnAssign { get; set; } = _ => { };

    public Task Assign(IReadOnlyList<TaskAssignment> assignments)
    {
        foreach (var assignment in assignments)
        {
            OnAssign(assignment);
            Assigned.Enqueue(assignment);
        }

        return Task.CompletedTask;
    }

    public Task Kill(string taskId, int attempt, string reason)
    {
        Killed.Enqueue((taskId, attempt, reason));
        return Task.CompletedTask;
    }

    public Task Close(string reason)
    {
        Closed.Enqueue(reason);
        return Task.CompletedTask;
    }

    public bool HasAssigned(string taskId, int attempt = 1) => Assigned.Any(a => a.TaskId == taskId && a.Attempt == attempt);
}

/// <summary>A lent machine as a test plays it: it does nothing by itself.</summary>
internal sealed class Machine(HubFixture hub, string id, string owner, NodeCapabilities capabilities)
{
    public static readonly NodeCapabilities Usual = new() { CpuCores = 4, MemoryMb = 8192, Sandboxed = true, AcceptsStrangers = true };
    private static readonly NodeUsage Idle = new(0, 0, 0);

    private IWorkerLink _reference = null!;
    private bool _mayBeRefused;

    public string Id => id;
    public string Owner => owner;
    public NodeCapabilities Capabilities => capabilities;
    public Caller Caller => new(owner, owner, Roles.User);
    public string NodeId => id;
    public INodeGrain Grain => hub.Grains.GetGrain<INodeGrain>(id);
    public RecordedLink Link { get; private set; } = new();
    public long Epoch { get; private set; }
    public string Token { get; private set; } = "";
    /// <summary>What its next heartbeats name.</summary>
    public List<AttemptReport> Running { get; } = [];

    public Task Register() => Register("");

    public async Task Register(string machine)
    {
        var registered = await Grain.Register(new(Caller, NodeTypes.Worker, "test", 0, capabilities) { MachineId = machine });
        Token = registered.NodeToken;
    }

    /// <summary>Opens a new stream; the links of older ones go on recording.</summary>
    public Task Connect() => Connect(null);

    public async Task Connect(WorkerStart? start)
    {
        Link = new RecordedLink();
        _reference = hub.Grains.CreateObjectReference<IWorkerLink>(Link);
        Epoch = (await Grain.Connect(_reference, capabilities, [.. Running], start)).Epoch;
        await Grain.Tend();
    }

    /// <summary>Ends when the hub has done what follows from it.</summary>
    public async Task Beat(long? epoch = null, NodeUsage? usage = null)
    {
        try
        {
            await OnlyBeat(epoch, usage);
        }
        catch (HiveMindException refusal) when (_mayBeRefused && refusal.Kind == FailureKind.Aborted)
        {
            return;
        }

        await Grain.Tend();
    }

    /// <summary>From here on it is no mistake of the test that its heartbeats are refused.</summary>
    public Machine UntilRefused()
    {
        _mayBeRefused = true;
        return this;
    }

    public Task OnlyBeat(long? epoch = null, NodeUsage? usage = null) => Grain.Heartbeat(epoch ?? Epoch, _reference, [.. Running], usage ?? Idle);

    /// <summary>The reminder's way to the check that a timer makes each second, so that none has to be waited for.</summary>
    public Task Tick() => Grain.AsReference<IRemindable>().ReceiveReminder("liveness", default);

    public async Task<NodeSnapshot> Snapshot() => (await Grain.GetSnapshot())!;

    public Task Assigned(string taskId, int attempt = 1) =>
        hub.Until(() => Link.HasAssigned(taskId, attempt), $"attempt {attempt} of task {taskId} is assigned to {id}");

    /// <summary>It has it, runs it and says so.</summary>
    public async Task Starts(string taskId, int attempt = 1)
    {
        await Assigned(taskId, attempt);
        Running.Add(new(taskId, attempt, true));
        await Beat();
    }

    public async Task<ReportVerdict> Report(TaskOutcomeReport report, long? epoch = null) =>
        Assert.Single(await Grain.Report(epoch ?? Epoch, [report]));

    public async Task<ReportVerdict> Ends(string taskId, int attempt = 1, string cause = Causes.Completed)
    {
        Running.RemoveAll(run => run.TaskId == taskId);
        return await Report(Ended(taskId, attempt, cause));
    }

    public static TaskOutcomeReport Began(string taskId, int attempt = 1) => new() { TaskId = taskId, Attempt = attempt, IsStart = true };

    public static TaskOutcomeReport Ended(string taskId, int attempt = 1, string cause = Causes.Completed) => new()
    {
        TaskId = taskId, Attempt = attempt, Cause = cause, ExitCode = cause == Causes.Completed ? 0 : 1,
        ErrorMessage = cause == Causes.Completed ? "" : "as the test says", Result = HubFixture.Blob("42"),
    };
}

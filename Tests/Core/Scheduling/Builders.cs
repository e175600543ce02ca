using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Tests.Scheduling;

/// <summary>A waiting task in words: anna's, python, one core, unless said otherwise.</summary>
internal sealed class TaskBuilder(string id)
{
    public static readonly DateTimeOffset Epoch = new(2026, 11, 1, 12, 0, 0, TimeSpan.Zero);
    private PendingTask _task = new(id, "anna", "python", TaskPriority.Normal, new ResourceRequest(1000, 256, 0), Epoch, Epoch);

    public TaskBuilder Of(string user) => With(_task with { UserId = user });
    public TaskBuilder Type(string type) => With(_task with { TaskType = type });
    public TaskBuilder Cores(double cores) => With(_task with { Resources = _task.Resources with { MilliCores = (int)(cores * 1000) } });
    public TaskBuilder Memory(int mb) => With(_task with { Resources = _task.Resources with { MemoryMb = mb } });
    public TaskBuilder Gpus(int gpus) => With(_task with { Resources = _task.Resources with { Gpus = gpus } });
    public TaskBuilder Priority(TaskPriority priority) => With(_task with { Priority = priority });
    public TaskBuilder At(int second) => With(_task with { SubmittedAt = Epoch.AddSeconds(second) });
    public TaskBuilder Runs(double seconds) => With(_task with { RunTimeout = TimeSpan.FromSeconds(seconds) });
    public TaskBuilder Disk(int mb) => With(_task with { Resources = _task.Resources with { DiskMb = mb } });
    public TaskBuilder Labels(string labels) => With(_task with { Labels = LabelExpression.Parse(labels).ToString() });
    public TaskBuilder Role(string role) => With(_task with { Role = role });
    public TaskBuilder StartBy(DateTimeOffset time) => With(_task with { StartBy = time });
    public TaskBuilder NotBefore(DateTimeOffset time) => With(_task with { NotBefore = time });

    public PendingTask Build() => _task;
    public static implicit operator PendingTask(TaskBuilder builder) => builder.Build();

    private TaskBuilder With(PendingTask task)
    {
        _task = task;
        return this;
    }
}

/// <summary>A node as it shows itself, all of it free unless said otherwise.</summary>
internal sealed class NodeBuilder(string id)
{
    private NodeView _view = new(id, "lender", true, ["python"], new(4000, 8192, 0), new(4000, 8192, 0), true, 1);

    public NodeBuilder Of(string owner) => With(_view with { OwnerId = owner });
    public NodeBuilder OwnTasksOnly() => With(_view with { AcceptsStrangers = false });
    public NodeBuilder Types(params string[] types) => With(_view with { TaskTypes = types });
    public NodeBuilder Size(double cores, int memoryMb = 8192, int gpus = 0) => With(_view with
    {
        Total = new((int)(cores * 1000), memoryMb, gpus),
        Free = new((int)(cores * 1000), memoryMb, gpus),
    });
    public NodeBuilder Free(double cores) => With(_view with { Free = _view.Free with { MilliCores = (int)(cores * 1000) } });
    public NodeBuilder Free(double cores, int memoryMb, int gpus) => With(_view with { Free = new((int)(cores * 1000), memoryMb, gpus) });
    public NodeBuilder Disk(int mb) => With(_view with { Total = _view.Total with { DiskMb = mb }, Free = _view.Free with { DiskMb = mb } });
    public NodeBuilder Label(string key, string value) => With(_view with { Labels = new Dictionary<string, string>(_view.Labels) { [key] = value } });
    public NodeBuilder Cpu(double percent) => With(_view with { CpuPercent = percent });
    public NodeBuilder Cordoned(string why) => With(_view with { CanTakeWork = false, Cordoned = why });
    /// <summary>These run on it, each until so many seconds from now at the latest; what they hold is not free.</summary>
    public NodeBuilder Runs(params (PendingTask Task, double Seconds)[] running) => With(_view with
    {
        Running = [.. running.Select(it => new RunningTask(it.Task.TaskId, it.Task.UserId, it.Task.Priority, it.Task.Resources, CoreTalk.Now.AddSeconds(it.Seconds)))],
        Free = running.Aggregate(_view.Total, (free, it) => free.Minus(it.Task.Resources)),
    });
    public NodeBuilder Draining() => With(_view with { CanTakeWork = false });
    public NodeBuilder Settling() => With(_view with { IsSettling = true });
    public NodeBuilder Version(long version) => With(_view with { Version = version });

    public NodeView Build() => _view;
    public static implicit operator NodeView(NodeBuilder builder) => builder.Build();

    private NodeBuilder With(NodeView view)
    {
        _view = view;
        return this;
    }
}

internal static class CoreTalk
{
    public static readonly DateTimeOffset Now = TaskBuilder.Epoch.AddHours(1);

    public static SchedulerCore NewCore(SchedulingOptions? options = null, IPlacementPolicy? policy = null) =>
        new(policy ?? new BalancedSpreadPolicy(), options);

    public static SchedulerCore Enqueue(this SchedulerCore core, params PendingTask[] tasks)
    {
        foreach (var task in tasks) core.Enqueue(task, Now);
        return core;
    }

    public static SchedulerCore Nodes(this SchedulerCore core, params NodeView[] views)
    {
        foreach (var view in views) core.NodeChanged(view, Now);
        return core;
    }

    /// <summary>"task@node" in the order of nodes, then of the offer.</summary>
    public static string[] Propose(this SchedulerCore core, DateTimeOffset? now = null, int maxTasks = int.MaxValue) =>
        [.. core.Propose(now ?? Now, maxTasks).OrderBy(offer => offer.NodeId, StringComparer.Ordinal)
            .SelectMany(offer => offer.Tasks.Select(task => $"{task.TaskId}@{offer.NodeId}"))];

    public static void Answer(this SchedulerCore core, string nodeId, NodeView? view, params (string, OfferAnswerKind)[] answers) =>
        core.OfferAnswered(nodeId, new OfferResult([.. answers.Select(a => new OfferAnswer(a.Item1, a.Item2))], view), Now);
}

using HiveMind.Edge;
using HiveMind.Scheduling;
using HiveMind.Tasks;
using Wire = HiveMind.Protos;

namespace HiveMind.Nodes;

/// <summary>What node requests may contain. Pure; every problem at once.</summary>
internal static class NodeRules
{
    public const int MaxRunning = 10_000;
    /// <summary>What it has ended and is not yet answered for it names too.</summary>
    private const int FewestRunning = 256;
    private const int MaxTypes = 64, MaxLabels = 64, MaxLabelProblems = 8, MaxHostname = 255;
    private const int MaxSucceeded = 16;
    private const int MaxReason = 200, MaxDeadlineSeconds = 604_800;

    public static IReadOnlyList<FieldProblem> Check(Wire.RegisterNodeRequest request)
    {
        var problems = new FieldProblems()
            .Require(request.NodeId.Length == 0 || Text.IsId(request.NodeId), "node_id", "Up to 64 of A-Z a-z 0-9 . _ -, or empty.")
            .Require(request.NodeType is "" or NodeTypes.Worker or NodeTypes.Master, "node_type", "\"worker\" or \"master\".")
            .Require(Text.IsPlain(request.Hostname, MaxHostname), "hostname", "Up to 255 characters, none of them a control character or invisible.")
            .Require(request.MachineId.Length == 0 || Text.IsId(request.MachineId), "machine_id", "Up to 64 of A-Z a-z 0-9 . _ -, or empty.")
            .Require(request.Port is >= 0 and <= 65535, "port", "0 to 65535.");
        Check(request.Capabilities, "capabilities", problems);
        return problems.Found;
    }

    public static IReadOnlyList<FieldProblem> Check(Wire.ListNodesRequest request) => new FieldProblems()
        .Require(request.PageSize is >= 0 and <= NodeDirectory.LargestPage, "page_size", $"0 (means {NodeDirectory.LargestPage}) to {NodeDirectory.LargestPage}.")
        .Require(request.PageToken.Length == 0 || Text.IsId(request.PageToken), "page_token", "The next_page_token of the page before, or empty for the first page.")
        .Found;

    public static IReadOnlyList<FieldProblem> Check(Wire.WorkerHello hello)
    {
        var problems = new FieldProblems();
        Check(hello.Capabilities, "hello.capabilities", problems);
        problems
            .Require(hello.InstanceId.Length == 0 || Text.IsId(hello.InstanceId), "hello.instance_id", "Up to 64 of A-Z a-z 0-9 . _ -, or empty.")
            .Require(hello.Succeeds.Count <= MaxSucceeded && hello.Succeeds.All(Text.IsId), "hello.succeeds", $"Up to {MaxSucceeded} instance ids.");
        if (problems.Found.Count == 0) Check(hello.Running, MostRunning(hello.Capabilities), "hello.running", problems);
        return problems.Found;
    }

    /// <summary>More than a machine can hold it has no reason to name: a task takes a thousandth of a core and a MiB at least.</summary>
    public static int MostRunning(Wire.NodeCapabilities offered) =>
        (int)Math.Clamp(2 * Math.Min(offered.CpuCores * 1000, offered.MemoryMb), FewestRunning, MaxRunning);

    private static void Check(IReadOnlyCollection<Wire.AttemptRef> running, int most, string at, FieldProblems problems) => problems
        .Require(running.Count <= most, at, $"Up to {most} on a machine of that size.")
        .Require(running.Count > most || running.All(run => TaskIds.IsValid(run.TaskId) && run.Attempt >= 1), at,
            "Each with a task_id of 32 lower-case hex digits and an attempt of 1 or more.");

    public static IReadOnlyList<FieldProblem> Check(Wire.WorkerHeartbeat heartbeat, int mostRunning = MaxRunning)
    {
        var problems = new FieldProblems();
        Check(heartbeat.Running, mostRunning, "heartbeat.running", problems);
        Check(heartbeat.Usage, "heartbeat.usage", problems);
        return problems.Found;
    }

    public static IReadOnlyList<FieldProblem> Check(Wire.CordonNodeRequest request) => CheckReason(request.Reason).Found;

    public static IReadOnlyList<FieldProblem> Check(Wire.DrainNodeRequest request) => CheckReason(request.Reason)
        .Require(request.DeadlineSeconds is >= 0 and <= MaxDeadlineSeconds, "deadline_seconds", "0 (no deadline) to 604800, which is 7 days.").Found;

    private static FieldProblems CheckReason(string reason) => new FieldProblems()
        .Require(Text.IsPlain(reason, MaxReason), "reason", "Up to 200 characters, none of them a control character or invisible.");

    public static IReadOnlyList<FieldProblem> Check(Wire.UpdateNodeStatusRequest request)
    {
        var problems = new FieldProblems()
            .Require(request.Status is "" or "online" or "busy" or "offline", "status", "Empty, \"online\", \"busy\" or \"offline\".");
        Check(request.ResourceUsage, "resource_usage", problems);
        return problems.Found;
    }

    private static void Check(Wire.NodeCapabilities? offered, string at, FieldProblems problems)
    {
        problems.Require(offered is not null, at, "Say what the machine offers.");
        if (offered is null) return;
        problems
            .Require(double.IsFinite(offered.CpuCores) && offered.CpuCores is >= 0.001 and <= TaskRules.MaxCores, $"{at}.cpu_cores", "Above 0, up to 4096.")
            .Require(offered.MemoryMb is > 0 and <= TaskRules.MaxMemoryMb, $"{at}.memory_mb", "Above 0, up to 67108864.")
            .Require(offered.GpuCount is >= 0 and <= TaskRules.MaxGpus, $"{at}.gpu_count", "0 to 1024.")
            .Require(Text.IsPlain(offered.GpuModel, TaskRules.MaxGpuModel), $"{at}.gpu_model", "Up to 128 characters, none of them a control character or invisible.")
            .Require(Text.IsPlain(offered.WorkerVersion, 64), $"{at}.worker_version", "Up to 64 characters, none of them a control character or invisible.")
            .Require(offered.SupportedTasks.Count <= MaxTypes && offered.SupportedTasks.All(Text.IsId), $"{at}.supported_tasks",
                "Up to 64 types, each up to 64 of A-Z a-z 0-9 . _ -")
            .Require(offered.GpuMemoryMb is >= 0 and <= TaskRules.MaxMemoryMb, $"{at}.gpu_memory_mb", "0 (not known) to 67108864.")
            .Require(offered.DiskMb is >= 0 and <= TaskRules.MaxDiskMb, $"{at}.disk_mb", "0 (not limited) to 1073741824.")
            .Require(offered.Labels.Count <= MaxLabels, $"{at}.labels", "Up to 64.");
        foreach (var (key, fix) in offered.Labels.Select(l => (l.Key, Fix: LabelFix(l.Key, l.Value))).Where(l => l.Fix is not null).Take(MaxLabelProblems))
        {
            problems.Require(false, $"{at}.labels[{Text.Shown(key)}]", fix!);
        }
    }

    private static string? LabelFix(string key, string value) =>
        !LabelText.IsKey(key) ? "A label's name: 1 to 63 of A-Z a-z 0-9 . _ / -"
        : LabelText.IsHubs(key) ? "The hub says these itself: a label's name may not begin with gpu., node. or machine."
        : !LabelText.IsValue(value) ? "A label's value: up to 63 of A-Z a-z 0-9 . _ / -"
        : null;

    private static void Check(Wire.ResourceUsage? usage, string at, FieldProblems problems)
    {
        if (usage is null) return;
        problems
            .Require(IsPercent(usage.CpuUsage), $"{at}.cpu_usage", "0 to 100.")
            .Require(IsPercent(usage.MemoryUsage), $"{at}.memory_usage", "0 to 100.")
            .Require(IsPercent(usage.GpuUsage), $"{at}.gpu_usage", "0 to 100.");
    }

    private static bool IsPercent(double value) => value is >= 0 and <= 100;
}

using Google.Protobuf;
using HiveMind.Edge;
using HiveMind.Rewards;
using HiveMind.Tasks;
using HiveMind.Users;
using Wire = HiveMind.Protos;

namespace HiveMind.Nodes;

/// <summary>Between the wire and the node contracts.</summary>
internal static class NodeMapping
{
    public static NodeRegistration ToRegistration(Wire.RegisterNodeRequest request, Caller owner) => new(
        owner, request.NodeType.Length == 0 ? NodeTypes.Worker : request.NodeType, request.Hostname, request.Port, ToCapabilities(request.Capabilities))
    {
        MachineId = request.MachineId,
    };

    /// <summary>Null: a worker of before, which does not say.</summary>
    public static WorkerStart? ToStart(Wire.WorkerHello hello) => hello.InstanceId.Length == 0 ? null : new(hello.InstanceId, [.. hello.Succeeds]);

    public static NodeCapabilities ToCapabilities(Wire.NodeCapabilities offered) => new()
    {
        CpuCores = offered.CpuCores,
        MemoryMb = offered.MemoryMb,
        GpuCount = offered.HasGpu ? Math.Max(1, offered.GpuCount) : offered.GpuCount,
        GpuModel = offered.GpuModel,
        SupportedTasks = [.. offered.SupportedTasks.Distinct(StringComparer.Ordinal)],
        Sandboxed = offered.Sandboxed,
        AcceptsStrangers = offered.AcceptsStrangers,
        WorkerVersion = offered.WorkerVersion,
        GpuMemoryMb = offered.GpuMemoryMb,
        DiskMb = offered.DiskMb,
        StandardInputFiles = offered.StandardInputFiles,
        Labels = new Dictionary<string, string>(offered.Labels, StringComparer.Ordinal),
    };

    public static NodeUsage ToUsage(Wire.ResourceUsage? usage) =>
        usage is null ? new NodeUsage(0, 0, 0) : new NodeUsage(usage.CpuUsage, usage.MemoryUsage, usage.GpuUsage, usage.DiskFull);

    public static IReadOnlyList<AttemptReport> ToAttempts(IEnumerable<Wire.AttemptRef> running) =>
        [.. running.Select(r => new AttemptReport(r.TaskId, r.Attempt, r.Started))];

    /// <param name="node">As its grain has it.</param>
    /// <param name="totals">As the database has them.</param>
    /// <param name="isOwn">Its owner or an admin asks.</param>
    public static Wire.NodeInfo ToInfo(NodeSnapshot node, NodeTotals totals, bool isOwn) => new()
    {
        NodeId = node.NodeId,
        NodeType = node.NodeType,
        Hostname = node.Hostname,
        Port = node.Port,
        Capabilities = ToWire(node.Capabilities),
        Status = node.Status,
        LastHeartbeat = Rfc3339.Format(node.LastHeartbeat),
        ResourceUsage = new Wire.ResourceUsage
        {
            CpuUsage = node.Usage.CpuPercent,
            MemoryUsage = node.Usage.MemoryPercent,
            GpuUsage = node.Usage.GpuPercent,
        },
        TaskCount = node.TaskCount,
        Owner = node.OwnerName,
        RegisteredAt = Rfc3339.Format(node.IsUnreadable ? null : node.RegisteredAt),
        CompletedTasks = totals.Completed,
        FailedTasks = totals.Failed,
        MeanDurationSeconds = totals.MeanSeconds,
        CreditsEarned = Credits.ToCredits(totals.EarnedMicros),
        FreeCpuCores = node.FreeCores,
        FreeMemoryMb = node.FreeMemoryMb,
        Connected = node.Connected,
        Cordoned = node.CordonedFor(isOwn),
        CordonedUntil = Rfc3339.Format(node.CordonedUntil),
        DrainDeadline = Rfc3339.Format(node.DrainDeadline),
        TokenCreatedAt = Rfc3339.Format(isOwn ? node.TokenCreatedAt : null),
        TokenLastUsedAt = Rfc3339.Format(isOwn ? node.TokenUsedAt : null),
        OthersAtOnce = node.OthersAtOnce ?? 0,
        TokenExpiresAt = Rfc3339.Format(isOwn ? node.TokenEndsAt : null),
    };

    public static Wire.HubMessage ToFrame(NodeWelcome welcome, string nodeId) => new()
    {
        Welcome = new Wire.HubWelcome
        {
            NodeId = nodeId,
            Epoch = welcome.Epoch,
            HeartbeatIntervalMs = (int)welcome.HeartbeatInterval.TotalMilliseconds,
            LeaseMs = (int)welcome.WorkerLease.TotalMilliseconds,
            OneWorker = true,
        },
    };

    public static Wire.HubMessage ToFrame(TaskAssignment assigned)
    {
        var spec = assigned.Spec;
        var assignment = new Wire.Assignment
        {
            TaskId = assigned.TaskId,
            Attempt = assigned.Attempt,
            TaskType = spec.TaskType,
            Payload = spec.Payload.Inline is { } inline ? UnsafeByteOperations.UnsafeWrap(inline) : ByteString.Empty,
            PayloadSize = spec.Payload.Size,
            PayloadSha256 = spec.Payload.Sha256,
            StandardInput = UnsafeByteOperations.UnsafeWrap(spec.StandardInputFile?.Inline ?? spec.StandardInput),
            Requirements = TaskMapping.ToRequirements(spec),
            Traceparent = spec.TraceParent,
            GraceMs = spec.Grace == TimeSpan.Zero ? -1 : (long)(spec.Grace ?? TaskSpec.DefaultGrace).TotalMilliseconds,
            LeaseMs = (long)spec.Lease.TotalMilliseconds,
            RunTimeoutMs = (long)Math.Ceiling(assigned.RunTimeout.TotalMilliseconds),
        };
        assignment.Arguments.AddRange(spec.Arguments);
        assignment.Environment.Add(TaskEnvironment.ToMap(spec.Environment));
        if (spec.StandardInputFile is { Inline: null } input) (assignment.StandardInputSha256, assignment.StandardInputSize) = (input.Sha256, input.Size);
        return new Wire.HubMessage { Assign = assignment };
    }

    private static Wire.NodeCapabilities ToWire(NodeCapabilities offered)
    {
        var wire = new Wire.NodeCapabilities
        {
            CpuCores = offered.CpuCores,
            MemoryMb = offered.MemoryMb,
            HasGpu = offered.GpuCount > 0,
            GpuCount = offered.GpuCount,
            GpuModel = offered.GpuModel,
            Sandboxed = offered.Sandboxed,
            AcceptsStrangers = offered.AcceptsStrangers,
            WorkerVersion = offered.WorkerVersion,
            GpuMemoryMb = offered.GpuMemoryMb,
            DiskMb = offered.DiskMb,
            StandardInputFiles = offered.StandardInputFiles,
        };
        wire.SupportedTasks.AddRange(offered.SupportedTasks);
        foreach (var (key, value) in offered.Labels) wire.Labels.Add(key, value);
        return wire;
    }
}

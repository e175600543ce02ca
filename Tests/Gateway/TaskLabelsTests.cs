using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using HiveMind.Nodes;
using HiveMind.Tasks;
using HiveMind.Users;
using Wire = HiveMind.Protos;

namespace HiveMind.Tests.Gateway;

/// <summary>What a submission asks of machines: from the wire to the record, back as it was asked, and through the edge.</summary>
public sealed class TaskLabelsTests
{
    [Theory]
    [InlineData(0, false, "", 0, "zone in (b,a)", 0, "zone in (a, b)")]
    [InlineData(0, true, "", 0, "", 1, "")]
    [InlineData(3, true, "", 0, "", 3, "")]
    [InlineData(0, false, "H200", 0, "", 1, "gpu.model = H200")]
    [InlineData(0, false, "", 40000, "", 1, "gpu.memory_mb >= 40000")]
    [InlineData(2, false, "NVIDIA \"A100\"", 40000, "!spot", 2, "!spot, gpu.memory_mb >= 40000, gpu.model = \"NVIDIA \\\"A100\\\"\"")]
    [InlineData(0, false, "H200", 0, "gpu.model = \"H200\"", 1, "gpu.model = H200")]
    public void ToSpec_WhatIsAskedOfGpuAndLabels_IsACountAndOneExpression(
        int count, bool required, string model, long memoryMb, string labels, int gpus, string stored)
    {
        var spec = Spec(new() { GpuCount = count, GpuRequired = required, GpuModel = model, GpuMemoryMb = memoryMb, Labels = labels, DiskMb = 77 });
        Assert.Equal((gpus, 77, stored), (spec.Resources.Gpus, spec.Resources.DiskMb, spec.Labels));
    }

    [Theory]
    [InlineData(2, "NVIDIA A100-SXM4-80GB", 40000, "!spot, zone in (a, b)")]
    [InlineData(1, "H200", 0, "gpu.memory_mb >= 1.5, gpu.memory_mb > 3")]
    [InlineData(1, "", 1, "gpu.model in (A100, H200), gpu.model != B200")]
    [InlineData(0, "", 0, "")]
    public void ToRequirements_OfARecord_IsWhatWasAsked(int count, string model, long memoryMb, string labels)
    {
        var asked = new Wire.TaskRequirements
        {
            CpuCores = 1.5, MemoryMb = 300, GpuRequired = count > 0, TimeoutSeconds = 9, MaxOutputMb = 3, GpuCount = count, GpuModel = model,
            GpuMemoryMb = memoryMb, DiskMb = 12, Labels = HiveMind.Scheduling.LabelExpression.Parse(labels).ToString(),
        };
        Assert.Equal(asked, TaskMapping.ToRequirements(Spec(asked)));
        Assert.True(TaskLifecycle.SameContent(Spec(asked), Spec(TaskMapping.ToRequirements(Spec(asked)))));
    }

    [Fact]
    public void SameContent_OtherLabels_IsOther() =>
        Assert.False(TaskLifecycle.SameContent(Spec(new() { Labels = "zone = a" }), Spec(new() { Labels = "zone = b" })));

    [Fact]
    public void ToRequirements_ARecordFromBeforeLabels_AsksNothing()
    {
        var shown = TaskMapping.ToRequirements(Spec(null));
        Assert.Equal((0, "", 0, 0, "", false), (shown.GpuCount, shown.GpuModel, shown.GpuMemoryMb, shown.DiskMb, shown.Labels, shown.GpuRequired));
    }

    [Fact]
    public void Check_LabelsThatFitOnlyAlone_SaysWithWhatTheyDoNot()
    {
        var labels = string.Join(", ", Enumerable.Range(0, 32).Select(i => $"k{i}"));
        var request = Request(new() { Labels = labels });
        Assert.Empty(TaskRules.Check(request, new TaskOptions()));
        request.Requirements.GpuModel = "H200";
        Assert.Equal(
            [new Edge.FieldProblem("requirements.labels", "Together with gpu_model and gpu_memory_mb: It has 33 requirements: up to 32.")],
            TaskRules.Check(request, new TaskOptions()));
    }

    [Fact]
    public async Task SubmitTask_BadLabels_InvalidArgumentThatSaysWhere()
    {
        await using var gateway = TestGateway.Start();
        var error = await TestGateway.Fails(gateway.Master.SubmitTaskAsync(
            Request(new() { Labels = "zone = a or zone = b", GpuCount = -1 }), TestGateway.With(gateway.Alice)));
        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.Equal(
            [("requirements.gpu_count", "0 to 1024; 0 with gpu_required, gpu_model or gpu_memory_mb means 1."),
             ("requirements.labels", "At character 10: there is no \"or\": write key in (a, b) for values of one label.")],
            error.GetRpcStatus()!.GetDetail<BadRequest>()!.FieldViolations.Select(v => (v.Field, v.Description)));
    }

    [Fact]
    public async Task RegisterNode_LabelsOfTheHubs_InvalidArgumentThatNamesThem()
    {
        await using var gateway = TestGateway.Start();
        var request = new Wire.RegisterNodeRequest { NodeId = "node-1", Capabilities = new() { CpuCores = 1, MemoryMb = 1 } };
        for (var i = 0; i < 64; i++) request.Capabilities.Labels[$"gpu.{new string('x', 50)}{i}"] = new string('y', 60);
        var error = await TestGateway.Fails(gateway.Nodes.RegisterNodeAsync(request, TestGateway.With(gateway.Alice)));
        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.Equal(8, error.GetRpcStatus()!.GetDetail<BadRequest>()!.FieldViolations.Count); // so that the answer fits into a trailer
    }

    [Fact]
    public async Task RegisterNode_LabelsDiskAndGpu_ReachTheNodeAndComeBack()
    {
        await using var gateway = TestGateway.Start();
        NodeRegistration? registered = null;
        gateway.Node.On("Register", a =>
        {
            registered = (NodeRegistration)a[0]!;
            return Task.FromResult(new NodeRegistered("node-1", "token"));
        });
        var asked = new Wire.NodeCapabilities { CpuCores = 8, MemoryMb = 16384, HasGpu = true, GpuCount = 2, GpuModel = "H200", GpuMemoryMb = 143_771, DiskMb = 5000 };
        asked.Labels.Add(new Dictionary<string, string> { ["zone"] = "a", ["tier"] = "" });
        await gateway.Nodes.RegisterNodeAsync(new() { NodeId = "node-1", Capabilities = asked }, TestGateway.With(gateway.Alice));
        var shown = NodeMapping.ToInfo(
            new NodeSnapshot
            {
                NodeId = "node-1", OwnerId = "alice", OwnerName = "alice", NodeType = "worker", Hostname = "", Capabilities = registered!.Capabilities,
                Status = "online", Usage = new(0, 0, 0),
            },
            new(0, 0, 0, 0), isOwn: true);
        Assert.Equal(asked, shown.Capabilities);
    }

    private static TaskSpec Spec(Wire.TaskRequirements? asked) => TaskMapping.ToSpec(Request(asked), new Caller("alice", "alice", Roles.User), BlobRef.Empty);

    private static Wire.SubmitTaskRequest Request(Wire.TaskRequirements? asked) =>
        new() { TaskType = "python", TaskData = ByteString.CopyFromUtf8("1"), Requirements = asked, RequestId = "1" };
}

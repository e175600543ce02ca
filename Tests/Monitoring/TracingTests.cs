using System.Diagnostics;
using HiveMind.Monitoring;
using HiveMind.Nodes;
using HiveMind.Tasks;
using HiveMind.Users;
using OpenTelemetry.Trace;
using Wire = HiveMind.Protos;

namespace HiveMind.Tests.Monitoring;

/// <summary>Who begins a trace, and how a task keeps its own.</summary>
public sealed class TracingTests
{
    private static readonly Caller Anna = new("u-1", "anna", Roles.User);

    [Theory]
    [InlineData(ActivityKind.Server, 1, true)]
    [InlineData(ActivityKind.Internal, 1, true)]
    [InlineData(ActivityKind.Client, 1, false)]
    [InlineData(ActivityKind.Server, 0, false)]
    public void Sampler_WithoutParent_KeepsWhatEnters(ActivityKind kind, double ratio, bool kept) =>
        Assert.Equal(kept, Decide(default, kind, ratio));

    [Theory]
    [InlineData(ActivityTraceFlags.Recorded, true)]
    [InlineData(ActivityTraceFlags.None, false)]
    public void Sampler_WithParent_FollowsIt(ActivityTraceFlags flags, bool kept)
    {
        var parent = new ActivityContext(ActivityTraceId.CreateRandom(), ActivitySpanId.CreateRandom(), flags, isRemote: true);

        Assert.Equal(kept, Decide(parent, ActivityKind.Client, kept ? 0 : 1));
    }

    [Theory]
    [InlineData(ActivityTraceFlags.Recorded, true)]
    [InlineData(ActivityTraceFlags.None, false)]
    public void Submit_Traced_TakesItsContextToTheWorker(ActivityTraceFlags flags, bool kept)
    {
        using var call = new Activity("call").SetIdFormat(ActivityIdFormat.W3C).Start();
        call.ActivityTraceFlags = flags;
        var spec = TaskMapping.ToSpec(new Wire.SubmitTaskRequest { TaskType = "python" }, Anna, BlobRef.Empty);
        call.Stop();

        var assigned = NodeMapping.ToFrame(new TaskAssignment("t", 1, spec)).Assign;

        Assert.Equal(kept ? call.Id : "", assigned.Traceparent);
    }

    [Fact]
    public void Submit_AgainWithinAnotherTrace_IsTheSameTask()
    {
        var spec = TaskMapping.ToSpec(new Wire.SubmitTaskRequest { TaskType = "python" }, Anna, BlobRef.Empty);

        Assert.True(TaskLifecycle.SameContent(spec, spec with { TraceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" }));
    }

    private static bool Decide(ActivityContext parent, ActivityKind kind, double ratio)
    {
        var parameters = new SamplingParameters(parent, ActivityTraceId.CreateRandom(), "any", kind);
        return EntrySampler.ParentBased(ratio).ShouldSample(parameters).Decision == SamplingDecision.RecordAndSample;
    }
}

using System.Diagnostics;
using OpenTelemetry.Trace;

namespace HiveMind.Monitoring;

/// <summary>
/// Whoever begins a trace decides whether it is kept, and everybody after follows. Only what enters a program begins one: a heartbeat, a
/// timer or a call of ours that belongs to no trace makes none.
/// </summary>
public sealed class EntrySampler(double ratio) : Sampler
{
    private readonly TraceIdRatioBasedSampler _ratio = new(ratio);

    /// <summary>Follows the parent; where there is none, keeps this part of what enters.</summary>
    public static Sampler ParentBased(double ratio) => new ParentBasedSampler(new EntrySampler(ratio));

    public override SamplingResult ShouldSample(in SamplingParameters samplingParameters) => samplingParameters.Kind == ActivityKind.Client
        ? new SamplingResult(SamplingDecision.Drop)
        : _ratio.ShouldSample(samplingParameters);
}

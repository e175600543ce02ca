using HiveMind.Rewards;
using HiveMind.Scheduling;
using Orleans.Concurrency;

namespace HiveMind.Tasks;

/// <summary>What was asked for. Bytes above 4 KiB are in the files by hash.</summary>
[GenerateSerializer, Alias("HiveMind.TaskSpec"), Immutable]
public sealed record TaskSpec
{
    [Id(0)] public required string UserId { get; init; }
    [Id(1)] public required string TaskType { get; init; }
    [Id(2)] public required BlobRef Payload { get; init; }
    [Id(3)] public required ResourceRequest Resources { get; init; }
    [Id(4)] public TaskPriority Priority { get; init; }
    [Id(5)] public TimeSpan RunTimeout { get; init; }
    [Id(6)] public IReadOnlyList<string> Arguments { get; init; } = [];
    [Id(7)] public byte[] StandardInput { get; init; } = [];
    /// <summary>Where its submit stands in a trace (W3C traceparent); empty: not traced. No part of what was asked for.</summary>
    [Id(8)] public string TraceParent { get; init; } = "";
    /// <summary>What each of its two outputs may weigh; 0, as in records of old: the default.</summary>
    [Id(9)] public int MaxOutputMb { get; init; }

    /// <summary>What a node's labels must say (`LabelExpression`, in its canonical text); empty: nothing.</summary>
    [Id(10)] public string Labels { get; init; } = "";
    [Id(11)] public RetrySpec Retry { get; init; } = RetrySpec.Default;
    /// <summary>How long it may wait for its first start; zero: for ever.</summary>
    [Id(12)] public TimeSpan QueueDeadline { get; init; }
    /// <summary>From the submit to the end, all attempts and pauses together; zero: no limit.</summary>
    [Id(13)] public TimeSpan TotalTimeout { get; init; }
    /// <summary>Of the submitter at the submit. No part of what was asked for.</summary>
    [Id(14)] public string Role { get; init; } = "";
    /// <summary>What its submitter's balance holds for it; null: no balance was asked. No part of what was asked for.</summary>
    [Id(15)] public TaskHold? Hold { get; init; }

    /// <summary>Its own variables, each as NAME=value, in the order of the names.</summary>
    [Id(16)] public IReadOnlyList<string> Environment { get; init; } = [];
    /// <summary>From SIGTERM to SIGKILL; null, as in records of old: the default.</summary>
    [Id(17)] public TimeSpan? Grace { get; init; }
    /// <summary>Standard input that is too large for <see cref="StandardInput"/>; null: there is none.</summary>
    [Id(18)] public BlobRef? StandardInputFile { get; init; }

    /// <summary>How long its run is kept while its machine is silent, where that is longer than the pool's lease; zero: the pool's.</summary>
    [Id(19)] public TimeSpan Lease { get; init; }

    /// <summary>How long the hub waits for a machine that is silent, where a worker keeps the run for that: an eighth longer, in which their clocks may differ.</summary>
    public static TimeSpan KeptFor(TimeSpan lease) => lease + lease / 8;

    public static readonly TimeSpan DefaultGrace = TimeSpan.FromSeconds(5);
    /// <summary>Both of its files: what its account is counted for.</summary>
    public long FileBytes => Payload.Size + (StandardInputFile?.Size ?? 0);
    public const int DefaultMaxOutputMb = 100;
    public long MaxOutputBytes => (MaxOutputMb > 0 ? MaxOutputMb : DefaultMaxOutputMb) * 1024L * 1024;
}

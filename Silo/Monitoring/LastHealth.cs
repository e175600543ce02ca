using HiveMind.Storage;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace HiveMind.Monitoring;

/// <summary>What the health checks found when they last ran, and when that was: whoever asks is answered from here. An old verdict is a bad one.</summary>
internal sealed class LastHealth(IStoreVerdict stores, TimeProvider time) : IHealthCheckPublisher
{
    public static readonly TimeSpan Every = TimeSpan.FromSeconds(5);
    /// <summary>Three that did not come: the process is stuck, or its checks are.</summary>
    public static readonly TimeSpan Stale = 3 * Every;

    private static readonly TimeSpan FirstPatience = TimeSpan.FromSeconds(3);

    private readonly TaskCompletionSource _first = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile Verdict? _last;

    public (HealthReport? Report, TimeSpan Age) Now => _last is { } last ? (last.Report, time.GetElapsedTime(last.At)) : (null, TimeSpan.Zero);

    public HealthStatus Status => stores.Away is null && Now is ({ } report, var age) && age < Stale ? report.Status : HealthStatus.Unhealthy;

    /// <summary>Right after the start there may be none yet: done when there is.</summary>
    public async Task Known(CancellationToken cancel) =>
        await _first.Task.WaitAsync(FirstPatience, time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    public Task PublishAsync(HealthReport report, CancellationToken cancellationToken)
    {
        _last = new(report, time.GetTimestamp());
        _first.TrySetResult();
        return Task.CompletedTask;
    }

    private sealed record Verdict(HealthReport Report, long At);
}

using HiveMind.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace HiveMind.Scheduling;

/// <summary>Runs <see cref="UnfinishedSweep"/> for one shard: by its reminder, which survives any crash, and when a silo starts.</summary>
[GrainType("sweeper")]
public sealed partial class SweeperGrain(IServiceProvider services, ILogger<SweeperGrain> logger) : Grain, ISweeperGrain, IRemindable
{
    private const string Reminder = "sweep";
    private static readonly TimeSpan Period = TimeSpan.FromMinutes(1);

    private readonly CancellationTokenSource _stopping = new();
    private UnfinishedSweep? _sweep;
    private Task _underWay = Task.CompletedTask;

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        await _underWay.WaitAsync(cancellationToken).ConfigureAwait(
            ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
    }

    /// <summary>Returns when the sweep it started has ended; at once when one is under way.</summary>
    public Task Sweep() => _underWay.IsCompleted ? _underWay = Run() : Task.CompletedTask;

    /// <summary>A tick does not wait for its sweep, so that ticks never pile up behind a long one.</summary>
    public Task ReceiveReminder(string reminderName, TickStatus status)
    {
        if (_underWay.IsCompleted) _underWay = RunLogged();
        return Task.CompletedTask;
    }

    private async Task RunLogged()
    {
        try
        {
            await Run();
        }
        catch (Exception exception)
        {
            LogSweepFailed(logger, exception);
        }
    }

    private async Task Run()
    {
        DelayDeactivation(2 * Period);
        if (await this.GetReminder(Reminder) is null) await this.RegisterOrUpdateReminder(Reminder, Period, Period);
        _sweep ??= ActivatorUtilities.CreateInstance<UnfinishedSweep>(
            services, new GrainSweepTargets(GrainFactory, this.GetPrimaryKeyString()));
        await _sweep.Run(_stopping.Token);
    }

    [LoggerMessage(1, LogLevel.Warning, "The sweep did not come to its end; the next one starts anew")]
    private static partial void LogSweepFailed(ILogger logger, Exception exception);
}

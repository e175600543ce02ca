using HiveMind.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace HiveMind.Scheduling;

/// <summary>Runs <see cref="UnfinishedSweep"/> for one shard: by its reminder, which survives any crash, and when a silo starts.</summary>
[GrainType("sweeper")]
public sealed partial class SweeperGrain : Grain, ISweeperGrain, IRemindable
{
    private const string Reminder = "sweep";
    private static readonly TimeSpan Period = TimeSpan.FromMinutes(1);

    private readonly IServiceProvider _services;
    private readonly ILogger<SweeperGrain> _logger;
    private readonly CancellationTokenSource _stopping = new();
    private readonly SharedPass _sweeps;
    private UnfinishedSweep? _sweep;
    private long _ended;

    public SweeperGrain(IServiceProvider services, ILogger<SweeperGrain> logger) =>
        (_services, _logger, _sweeps) = (services, logger, new SharedPass(Run));

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        await _sweeps.WhenIdle(cancellationToken);
    }

    public Task Sweep() => _sweeps.Run();

    public Task<long> Begin(long ended)
    {
        if (!_sweeps.IsUnderWay && _ended <= ended) _ = RunLogged();
        return Task.FromResult(_ended);
    }

    /// <summary>A tick does not wait for its sweep, so that ticks never pile up behind a long one.</summary>
    public Task ReceiveReminder(string reminderName, TickStatus status)
    {
        if (!_sweeps.IsUnderWay) _ = RunLogged();
        return Task.CompletedTask;
    }

    private async Task RunLogged()
    {
        try
        {
            await _sweeps.Run();
        }
        catch (Exception exception)
        {
            SweepInstruments.Failed();
            LogSweepFailed(_logger, exception);
        }
    }

    private async Task Run()
    {
        DelayDeactivation(2 * Period);
        await EnsureReminder();
        _sweep ??= ActivatorUtilities.CreateInstance<UnfinishedSweep>(
            _services, new GrainSweepTargets(GrainFactory, this.GetPrimaryKeyString()));
        await _sweep.Run(_stopping.Token);
        _ended++;
    }

    private async Task EnsureReminder()
    {
        try
        {
            if (await this.GetReminder(Reminder) is not null) return;
        }
        catch (Exception unreadable)
        {
            LogReminderNotRead(_logger, unreadable.GetType().Name); // written anew it says the same; a store that is away refuses that too
        }
        await this.RegisterOrUpdateReminder(Reminder, Period, Period);
    }

    [LoggerMessage(2, LogLevel.Warning, "The sweep's reminder could not be read and is written anew: {Cause}")]
    private static partial void LogReminderNotRead(ILogger logger, string cause);

    [LoggerMessage(1, LogLevel.Warning, "The sweep did not come to its end; the next one starts anew")]
    private static partial void LogSweepFailed(ILogger logger, Exception exception);
}

using HiveMind.Configuration;
using HiveMind.Hosting;
using HiveMind.Storage;
using Orleans.Runtime;
using Orleans.Runtime.Placement;
using StackExchange.Redis;

namespace HiveMind.Monitoring;

/// <summary>
/// Looks at the stores once a second and keeps the verdict at hand. A silo whose Redis does not answer refuses calls at once; one that is alone in that asks
/// another to take it out of the pool, and ends to be started again: else half of all new grains would be put where nothing can be written.
/// </summary>
internal sealed partial class StateStoreWatch(
    StateStore stateStore, PoolOptions options, IGrainFactory grains, ISiloStatusOracle silos, ILocalSiloDetails here, OrderlyEnd end, TimeProvider time, ILogger<StateStoreWatch> log)
    : BackgroundService, IStoreVerdict
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1), Patience = TimeSpan.FromSeconds(1.5);
    private static readonly TimeSpan AwayAfter = TimeSpan.FromSeconds(3), LeaveAfter = TimeSpan.FromSeconds(4), WellAfter = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan PeerPatience = TimeSpan.FromSeconds(2);
    /// <summary>A process that was frozen, or had no processor, misses one look and not three.</summary>
    private const int LeaveAfterFailures = 3;
    private long _wellSince; // 0: it is not; read by peers' calls
    private long? _failingSince;
    private int _failures;
    private volatile string? _away, _shortage;
    private volatile bool _isFull;

    public string? Away => _away;

    public string? Shortage => _shortage;

    public bool IsFull => _isFull;

    public async Task<bool> CanWrite() =>
        Interlocked.Read(ref _wellSince) is not 0 and var since && time.GetElapsedTime(since) >= WellAfter && await stateStore.Health.Check(Patience) is null;

    private TimeSpan FailingFor => _failingSince is { } since ? time.GetElapsedTime(since) : TimeSpan.Zero;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        do
        {
            var shortage = options.IsEmbedded ? null : await LookAtRedis();
            shortage ??= LookAtDisks();
            if (shortage is not null && _shortage is null) LogShort(log, shortage);
            if (shortage is null && _shortage is not null) LogRoom(log);
            _shortage = shortage;
            if (_failures >= LeaveAfterFailures && FailingFor >= LeaveAfter && !stoppingToken.IsCancellationRequested) await LeaveIfAlone();
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    /// <summary>Asks for figures only: a full Redis and one that may not write answer, and the calls that need it hear so by themselves.</summary>
    private async Task<string?> LookAtRedis()
    {
        var began = time.GetTimestamp();
        try
        {
            var info = (string?)await stateStore.Redis.GetDatabase().ExecuteAsync("INFO", "memory").WaitAsync(Patience, time) ?? "";
            (_failingSince, _failures) = (null, 0);
            Interlocked.CompareExchange(ref _wellSince, began, 0);
            if (_away is not null) LogBack(log);
            _away = null;
            var (used, most) = StoreRoom.Read(info);
            _isFull = most > 0 && used >= most;
            return StoreRoom.OfMemory(used, most);
        }
        catch (Exception error) when (error is RedisException or TimeoutException or ObjectDisposedException)
        {
            Interlocked.Exchange(ref _wellSince, 0);
            _failingSince ??= began;
            _failures++;
            if (_away is null && FailingFor >= AwayAfter)
            {
                _away = $"Redis does not answer this silo ({error.GetType().Name}): try again.";
                LogAway(log, error.GetType().Name);
            }
            return _shortage; // as it was
        }
    }

    private string? LookAtDisks()
    {
        try
        {
            foreach (var directory in options.StoreDirectories)
            {
                var disk = new DriveInfo(OperatingSystem.IsWindows() ? Path.GetPathRoot(directory)! : directory);
                if (StoreRoom.OfDisk(directory, disk.AvailableFreeSpace, disk.TotalSize) is { } shortage) return shortage;
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // What cannot be looked at is found by whoever writes there.
        }
        return null;
    }

    private async Task LeaveIfAlone()
    {
        foreach (var peer in silos.GetApproximateSiloStatuses(onlyActive: true).Keys.Where(silo => !silo.Equals(here.SiloAddress)))
        {
            try
            {
                RequestContext.Set(IPlacementDirector.PlacementHintKey, peer);
                if (!await grains.GetGrain<IPeerGrain>(peer.ToParsableString()).TakeOver(here.SiloAddress).WaitAsync(PeerPatience, time)) continue;
                end.Leave("this silo cannot reach Redis and another can: it left the pool, to be started again.");
                return;
            }
            catch (Exception error) when (error is OrleansException or TimeoutException or HiveMindException)
            {
                // The next one, or again in a second.
            }
            finally
            {
                RequestContext.Remove(IPlacementDirector.PlacementHintKey);
            }
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "Redis does not answer ({Error}): calls are refused until it does")]
    private static partial void LogAway(ILogger logger, string error);

    [LoggerMessage(2, LogLevel.Information, "Redis answers again")]
    private static partial void LogBack(ILogger logger);

    [LoggerMessage(3, LogLevel.Warning, "{Shortage}")]
    private static partial void LogShort(ILogger logger, string shortage);

    [LoggerMessage(4, LogLevel.Information, "There is room for new tasks again")]
    private static partial void LogRoom(ILogger logger);
}

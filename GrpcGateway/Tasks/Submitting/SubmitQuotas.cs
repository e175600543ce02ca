using System.Threading.RateLimiting;
using HiveMind.Edge;
using HiveMind.Scheduling;
using HiveMind.Rewards;
using HiveMind.Users;

namespace HiveMind.Tasks;

/// <summary>What a role may submit: which priorities, how fast, and how much may wait. Configured under `Scheduling`; 0 is no limit.</summary>
internal sealed class SubmitQuotas(IGrainFactory grains, HubOptions options) : IDisposable
{
    public static readonly TimeSpan PendingRetry = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan FullQueueRetry = TimeSpan.FromMilliseconds(100);

    // By account and silo. A bucket holds what comes in one second; nobody's disappears by itself.
    private readonly PartitionedRateLimiter<(string UserId, int PerSecond)> _rates = PartitionedRateLimiter.Create<(string UserId, int PerSecond), (string, int)>(
        key => RateLimitPartition.GetTokenBucketLimiter((key.UserId, key.PerSecond), _ => new TokenBucketRateLimiterOptions
        {
            TokenLimit = key.PerSecond, TokensPerPeriod = key.PerSecond, ReplenishmentPeriod = TimeSpan.FromSeconds(1), QueueLimit = SubmitSlots.PerUser * 2,
        }));

    /// <summary>PermissionDenied when that priority is reserved for a role that is not the submitter's.</summary>
    public void RequireBand(Caller submitter, TaskPriority priority)
    {
        if (!options.Scheduling.BandRoles.TryGetValue(priority.ToString(), out var role) || Is(submitter, role)) return;
        throw new HiveMindException(
            FailureKind.PermissionDenied, "BAND_RESERVED", $"{priority.ToString().ToUpperInvariant()} is reserved for the role {role}: choose another.", "priority");
    }

    /// <summary>One submit of the account's rate; ResourceExhausted with the time to wait when it has none left.</summary>
    public void Take(Caller submitter)
    {
        if (RateOf(submitter) is not { } rate) return;
        using var lease = _rates.AttemptAcquire(rate);
        if (lease.IsAcquired) return;
        throw HiveMindException.Exhausted(
            "SUBMIT_RATE", $"At most {rate.PerSecond} submits a second: slow down, or use SubmitTasks, which waits.",
            TimeSpan.FromSeconds(Math.Max(0.1, 1.0 / rate.PerSecond)));
    }

    /// <summary>The same by waiting for it.</summary>
    public async ValueTask Await(Caller submitter, CancellationToken cancel)
    {
        if (RateOf(submitter) is not { } rate) return;
        while (true)
        {
            using var lease = await _rates.AcquireAsync(rate, 1, cancel);
            if (lease.IsAcquired) return;
            await Task.Delay(FullQueueRetry, cancel);
        }
    }

    /// <summary>What waits already: as the scheduler knows it now, so what is under way at the same moment is not counted.</summary>
    public async Task<WaitingRoom> Waiting(Caller submitter)
    {
        if (options.Scheduling.OfRole(submitter.Role).MaxPending is not (> 0 and var limit)) return new WaitingRoom(null, 0);
        return new WaitingRoom(limit, (await grains.GetGrain<ISchedulerGrain>(Shards.Default).GetUserLoad(submitter.UserId)).Waiting);
    }

    /// <summary>The account's one place of admission: credit, open tasks and the bytes of their programs.</summary>
    public IAccountLoadGrain Load(Caller submitter) => grains.GetGrain<IAccountLoadGrain>(submitter.UserId);

    public void Dispose() => _rates.Dispose();

    private (string UserId, int PerSecond)? RateOf(Caller submitter) =>
        options.Scheduling.OfRole(submitter.Role).SubmitsPerSecond is > 0 and var perSecond ? (submitter.UserId, perSecond) : null;

    private static bool Is(Caller submitter, string role) => string.Equals(submitter.Role, role, StringComparison.OrdinalIgnoreCase);
}

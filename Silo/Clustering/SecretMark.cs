using HiveMind.Storage;
using StackExchange.Redis;

namespace HiveMind.Clustering;

/// <summary>
/// Which secret the running silos have, by its fingerprint in their Redis: one with another could not reach them, and would only learn it after minutes of
/// trying. The mark ends a minute after the last of them.
/// </summary>
internal sealed class SecretMark(StateStore stateStore, SiloIdentity identity) : BackgroundService
{
    private static readonly TimeSpan Life = TimeSpan.FromMinutes(1), Again = TimeSpan.FromSeconds(15);

    /// <summary>StartRefused when silos with another secret are running.</summary>
    public static async Task RefuseAnother(StateStore stateStore, SiloIdentity identity)
    {
        var (database, key) = (stateStore.Redis.GetDatabase(), Key(stateStore));
        await StateStoreFailures.Guard(database.StringSetAsync(key, identity.Fingerprint, Life, When.NotExists));
        if (await StateStoreFailures.Guard(database.StringGetAsync(key)) is { HasValue: true } standing && standing != identity.Fingerprint)
            throw new StartRefusedException($"The silos on this Redis have another secret than this one: give all the same (Cluster:SecretFile). To change it, stop them all and wait {Life.TotalSeconds:0} s.");
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Again);
        do
        {
            try
            {
                await stateStore.Redis.GetDatabase().StringSetAsync(Key(stateStore), identity.Fingerprint, Life);
            }
            catch (Exception away) when (away is RedisException or TimeoutException)
            {
                // Again soon.
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private static RedisKey Key(StateStore stateStore) => $"{stateStore.Options.ServiceId}/silo-secret/{stateStore.Options.ClusterId}";
}

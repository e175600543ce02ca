using Orleans.Persistence;
using Orleans.Runtime.Hosting;
using Orleans.Serialization;
using Orleans.Storage;
using StackExchange.Redis;

namespace HiveMind.Storage;

/// <summary>The state store on a Redis that the silos of a cluster share; one multiplexer for Orleans' providers and our own indexes.</summary>
internal sealed class RedisStateStore : StateStore
{
    private const string Provider = "floor-redis";

    private RedisStateStore(StateStoreOptions options, ConfigurationOptions client, IConnectionMultiplexer redis, string? risk, TimeProvider time) : base(options)
    {
        (Client, Redis, Risk) = (client, redis, risk);
        Meta = new StateStoreMeta(new RedisMeta(redis, options.ServiceId));
        Health = new RedisHealth(redis, options.ServiceId, time);
        Unfinished = new RedisUnfinishedIndex(redis, options.ServiceId);
        Nodes = new RedisNodeIndex(redis, options.ServiceId);
    }

    public override IConnectionMultiplexer Redis { get; }

    public override StateStoreMeta Meta { get; }

    public override StateStoreHealth Health { get; }

    public override IStateStoreIndex Unfinished { get; }

    public override INodeIndex Nodes { get; }

    internal ConfigurationOptions Client { get; }

    public override string? Risk { get; }

    /// <summary>Connects, waits for a while if it does not answer, and checks the server's settings.</summary>
    public static async Task<RedisStateStore> Connect(StateStoreOptions options, TimeProvider time)
    {
        var client = ClientOptions(Parse(options.ConnectionString), options);
        var began = time.GetTimestamp();
        for (var tries = 0; ; tries++)
        {
            var (redis, verdict) = await Look(client, options);
            if (redis is not null && verdict is { Problems.Count: 0, Away: null }) return new RedisStateStore(options, client, redis, verdict.Risk, time);
            if (redis is not null) await redis.DisposeAsync();
            if (verdict.Problems.Count > 0) throw new StartRefusedException(verdict.Problems);
            if (time.GetElapsedTime(began) >= options.StartPatience) throw new StoreAwayException(verdict.Away!);
            if (tries == 0) options.Say?.Invoke($"{verdict.Away} Waiting for it, up to {options.StartPatience.TotalSeconds:0} s.");
            await Task.Delay(TimeSpan.FromMilliseconds(500), time);
        }
    }

    private static async Task<(IConnectionMultiplexer? Redis, RedisVerdict Verdict)> Look(ConfigurationOptions client, StateStoreOptions options)
    {
        try
        {
            var redis = await ConnectionMultiplexer.ConnectAsync(client);
            return (redis, await RedisChecks.Look(redis, options.ServiceId, options.AllowLossOnCrash));
        }
        catch (Exception e) when (e is RedisException or TimeoutException or System.Net.Sockets.SocketException)
        {
            var meaning = RedisErrors.Of(e);
            return (null, meaning.Passes ? RedisVerdict.AwayFor(meaning.Text) : new([meaning.Text], null, null));
        }
    }

    public override ValueTask DisposeAsync() => Redis.DisposeAsync();

    internal override void AddTo(ISiloBuilder silo)
    {
        silo.UseRedisClustering(options =>
        {
            options.ConfigurationOptions = Client;
            options.CreateMultiplexer = _ => Shared();
        });
        silo.UseRedisReminderService(options =>
        {
            options.ConfigurationOptions = Client;
            options.CreateMultiplexer = _ => Shared();
        });
        GoAroundUnreadable(silo.Services);
        silo.Services.AddRedisGrainStorage(Provider, builder => builder.Configure<Serializer>((options, serializer) =>
        {
            options.ConfigurationOptions = Client;
            options.CreateMultiplexer = _ => Shared();
            options.DeleteStateOnClear = true;
            options.GrainStorageSerializer = new RecordSerializer(serializer);
        }));
        silo.Services.AddGrainStorage(StateStoreNames.Storage, (services, _) => Guarded(services.GetRequiredKeyedService<IGrainStorage>(Provider), services));
    }

    /// <summary>Around the provider's table, however it is made.</summary>
    private static void GoAroundUnreadable(IServiceCollection services)
    {
        var table = services.Last(service => service.ServiceType == typeof(IReminderTable));
        services.Remove(table);
        services.AddSingleton<IReminderTable>(provider => new ReadableReminders((IReminderTable)(table.ImplementationInstance
            ?? table.ImplementationFactory?.Invoke(provider) ?? ActivatorUtilities.CreateInstance(provider, table.ImplementationType!))));
    }

    private Task<(IConnectionMultiplexer Multiplexer, bool IsShared)> Shared() => Task.FromResult((Redis, true));

    private static ConfigurationOptions Parse(string connectionString)
    {
        try
        {
            return ConfigurationOptions.Parse(connectionString);
        }
        catch (ArgumentException e)
        {
            throw new StartRefusedException($"HiveMind:Redis:ConnectionString cannot be read: {e.Message}");
        }
    }

    private static ConfigurationOptions ClientOptions(ConfigurationOptions client, StateStoreOptions options)
    {
        var timeout = (int)options.CommandTimeout.TotalMilliseconds;
        client.AsyncTimeout = timeout;
        client.SyncTimeout = timeout;
        client.ConnectTimeout = timeout;
        client.AbortOnConnectFail = false;
        client.ConnectRetry = 1;
        client.ReconnectRetryPolicy = new LinearRetry(500);
        client.HeartbeatInterval = TimeSpan.FromMilliseconds(500);
        client.ClientName = "hivemind";
        return client;
    }
}

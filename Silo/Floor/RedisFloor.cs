using Orleans.Persistence;
using Orleans.Runtime.Hosting;
using Orleans.Serialization;
using Orleans.Storage;
using StackExchange.Redis;

namespace HiveMind.Storage;

/// <summary>The floor on a Redis that the silos of a cluster share; one multiplexer for Orleans' providers and our own indexes.</summary>
internal sealed class RedisFloor : Floor
{
    private const string Provider = "floor-redis";

    private RedisFloor(FloorOptions options, ConfigurationOptions client, IConnectionMultiplexer redis, TimeProvider time) : base(options)
    {
        (Client, Redis) = (client, redis);
        Meta = new FloorMeta(new RedisMeta(redis, options.ServiceId));
        Health = new RedisHealth(redis, options.ServiceId, time);
        Unfinished = new RedisUnfinishedIndex(redis, options.ServiceId);
        Nodes = new RedisNodeIndex(redis, options.ServiceId);
    }

    public override IConnectionMultiplexer Redis { get; }

    public override FloorMeta Meta { get; }

    public override FloorHealth Health { get; }

    public override IFloorIndex Unfinished { get; }

    public override INodeIndex Nodes { get; }

    internal ConfigurationOptions Client { get; }

    /// <summary>Connects and checks the server's settings.</summary>
    public static async Task<RedisFloor> Connect(FloorOptions options, TimeProvider time)
    {
        var client = ClientOptions(Parse(options.ConnectionString), options);
        var redis = await ConnectionMultiplexer.ConnectAsync(client);
        try
        {
            var problems = await RedisChecks.Problems(redis, options.ServiceId);
            return problems.Count == 0 ? new RedisFloor(options, client, redis, time) : throw new StartRefusedException(problems);
        }
        catch
        {
            await redis.DisposeAsync();
            throw;
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
        silo.Services.AddRedisGrainStorage(Provider, builder => builder.Configure<Serializer>((options, serializer) =>
        {
            options.ConfigurationOptions = Client;
            options.CreateMultiplexer = _ => Shared();
            options.DeleteStateOnClear = true;
            options.GrainStorageSerializer = new OrleansGrainStorageSerializer(serializer);
        }));
        silo.Services.AddGrainStorage(FloorNames.Storage, (services, _) => Guarded(services.GetRequiredKeyedService<IGrainStorage>(Provider), services));
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

    private static ConfigurationOptions ClientOptions(ConfigurationOptions client, FloorOptions options)
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

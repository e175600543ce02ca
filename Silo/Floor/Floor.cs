using Microsoft.Extensions.Logging.Abstractions;
using StackExchange.Redis;

namespace HiveMind.Storage;

/// <summary>
/// The store of everything live, over the Redis protocol: embedded or a real Redis, one code path. Started before the host is built,
/// disposed after it has stopped.
/// </summary>
public sealed class Floor : IAsyncDisposable
{
    private readonly EmbeddedFloor? embedded;

    private Floor(FloorOptions options, EmbeddedFloor? embedded, ConfigurationOptions client, IConnectionMultiplexer redis, TimeProvider time)
    {
        this.embedded = embedded;
        Options = options;
        Client = client;
        Redis = redis;
        Commit = embedded?.Commit ?? new FloorCommit(null, options.CommandTimeout);
        Meta = new FloorMeta(redis, Commit, options.ServiceId);
        Health = new FloorHealth(redis, Commit, options.ServiceId, time);
        Unfinished = new RedisUnfinishedIndex(redis, options.ServiceId);
        Nodes = new RedisNodeIndex(redis, options.ServiceId);
    }

    public FloorOptions Options { get; }

    /// <summary>The one multiplexer that the Orleans providers and our own indexes share.</summary>
    public IConnectionMultiplexer Redis { get; }

    public FloorCommit Commit { get; }

    public FloorMeta Meta { get; }

    public FloorHealth Health { get; }

    public RedisUnfinishedIndex Unfinished { get; }

    public RedisNodeIndex Nodes { get; }

    internal ConfigurationOptions Client { get; }

    /// <summary>Embedded: recovers and listens. Real Redis: connects and checks its settings. StartRefused with a line per problem.</summary>
    public static async Task<Floor> Start(FloorOptions options, ILoggerFactory? logs = null, TimeProvider? time = null)
    {
        time ??= TimeProvider.System;
        logs ??= NullLoggerFactory.Instance;
        var embedded = options.IsEmbedded ? await Task.Run(() => EmbeddedFloor.Start(options, logs, time)) : null;
        try
        {
            var client = ClientOptions(embedded?.Client ?? Parse(options.ConnectionString), options);
            var redis = await ConnectionMultiplexer.ConnectAsync(client);
            var floor = new Floor(options, embedded, client, redis, time);
            try
            {
                await floor.Check();
                return floor;
            }
            catch
            {
                await redis.DisposeAsync();
                throw;
            }
        }
        catch when (embedded is not null)
        {
            await embedded.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Redis.DisposeAsync();
        if (embedded is not null)
        {
            await embedded.DisposeAsync();
        }
    }

    private async Task Check()
    {
        if (embedded is null)
        {
            var problems = await RedisChecks.Problems(Redis, Options.ServiceId);
            if (problems.Count > 0)
            {
                throw new StartRefusedException(problems);
            }
            return;
        }
        // Embedded means exactly one silo: whoever is in the membership table is dead, and asking them would only cost time.
        await Redis.GetDatabase().KeyDeleteAsync($"{Options.ServiceId}/members/{Options.ClusterId}");
    }

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

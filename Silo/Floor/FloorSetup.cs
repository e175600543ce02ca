using Orleans.Configuration;
using Orleans.Persistence;
using Orleans.Runtime.Hosting;
using Orleans.Serialization;
using Orleans.Storage;
using StackExchange.Redis;

namespace HiveMind.Storage;

/// <summary>Puts a silo on a started floor.</summary>
public static class FloorSetup
{
    private const string Provider = "floor-redis";

    /// <summary>Membership, reminders, grain storage "floor", the indexes, commit, health and canary. The floor outlives the silo.</summary>
    public static void UseFloor(this ISiloBuilder silo, Floor floor)
    {
        silo.Configure<ClusterOptions>(cluster =>
        {
            cluster.ClusterId = floor.Options.ClusterId;
            cluster.ServiceId = floor.Options.ServiceId;
        });
        silo.UseRedisClustering(options =>
        {
            options.ConfigurationOptions = floor.Client;
            options.CreateMultiplexer = _ => Shared(floor);
        });
        silo.UseRedisReminderService(options =>
        {
            options.ConfigurationOptions = floor.Client;
            options.CreateMultiplexer = _ => Shared(floor);
        });
        silo.Services.AddRedisGrainStorage(Provider, builder => builder.Configure<Serializer>((options, serializer) =>
        {
            options.ConfigurationOptions = floor.Client;
            options.CreateMultiplexer = _ => Shared(floor);
            options.DeleteStateOnClear = true;
            options.GrainStorageSerializer = new OrleansGrainStorageSerializer(serializer);
        }));
        silo.Services.AddGrainStorage(FloorNames.Storage, static (services, _) => new GroupCommitGrainStorage(
            services.GetRequiredKeyedService<IGrainStorage>(Provider),
            services.GetRequiredService<FloorCommit>(),
            services.GetRequiredService<ILogger<GroupCommitGrainStorage>>()));
        silo.Services.AddFloor(floor);
    }

    private static void AddFloor(this IServiceCollection services, Floor floor)
    {
        // Instances, so that a container that ends does not dispose what others still use.
        services.AddSingleton(floor);
        services.AddSingleton(floor.Commit);
        services.AddSingleton(floor.Meta);
        services.AddSingleton(floor.Health);
        services.AddSingleton<IUnfinishedIndex>(floor.Unfinished);
        services.AddSingleton<IOpenTasks>(floor.Unfinished);
        services.AddSingleton<INodeIndex>(floor.Nodes);
        services.AddHostedService<FloorCanary>();
    }

    private static Task<(IConnectionMultiplexer Multiplexer, bool IsShared)> Shared(Floor floor) => Task.FromResult((floor.Redis, true));
}

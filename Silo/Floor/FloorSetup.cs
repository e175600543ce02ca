using Orleans.Configuration;

namespace HiveMind.Storage;

/// <summary>Puts a silo on a started floor.</summary>
public static class FloorSetup
{
    /// <summary>Membership, reminders, grain storage "floor", the indexes, health and canary. The floor outlives the silo.</summary>
    public static void UseFloor(this ISiloBuilder silo, Floor floor)
    {
        silo.Configure<ClusterOptions>(cluster =>
        {
            cluster.ClusterId = floor.Options.ClusterId;
            cluster.ServiceId = floor.Options.ServiceId;
        });
        floor.AddTo(silo);
        silo.Services.AddFloor(floor);
    }

    private static void AddFloor(this IServiceCollection services, Floor floor)
    {
        // Instances, so that a container that ends does not dispose what others still use.
        services.AddSingleton(floor);
        services.AddSingleton(floor.Meta);
        services.AddSingleton(floor.Health);
        services.AddSingleton<IUnfinishedIndex>(floor.Unfinished);
        services.AddSingleton<IOpenTasks>(floor.Unfinished);
        services.AddSingleton(floor.Nodes);
        services.AddHostedService<FloorCanary>();
    }
}

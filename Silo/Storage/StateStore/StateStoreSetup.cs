using Orleans.Configuration;

namespace HiveMind.Storage;

/// <summary>Puts a silo on a started state store.</summary>
public static class StateStoreSetup
{
    /// <summary>Membership, reminders, grain storage "floor", the indexes, health and canary. The state store outlives the silo.</summary>
    public static void UseStateStore(this ISiloBuilder silo, StateStore stateStore)
    {
        silo.Configure<ClusterOptions>(cluster =>
        {
            cluster.ClusterId = stateStore.Options.ClusterId;
            cluster.ServiceId = stateStore.Options.ServiceId;
        });
        stateStore.AddTo(silo);
        silo.Services.AddStateStore(stateStore);
    }

    private static void AddStateStore(this IServiceCollection services, StateStore stateStore)
    {
        // Instances, so that a container that ends does not dispose what others still use.
        services.AddSingleton(stateStore);
        services.AddSingleton(stateStore.Meta);
        services.AddSingleton(stateStore.Health);
        services.AddSingleton<IUnfinishedIndex>(stateStore.Unfinished);
        services.AddSingleton<IOpenTasks>(stateStore.Unfinished);
        services.AddSingleton(stateStore.Nodes);
        services.AddHostedService<StateStoreCanary>();
    }
}

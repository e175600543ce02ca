using HiveMind.Rewards;
using HiveMind.Tasks;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace HiveMind.Scheduling;

/// <summary>Wires scheduling into a silo, which must bring IUnfinishedIndex, INodeIndex and a reminder service.</summary>
public static class SchedulingExtensions
{
    public static ISiloBuilder AddScheduling(this ISiloBuilder silo)
    {
        silo.Services.TryAddSingleton(TimeProvider.System);
        silo.Services.TryAddSingleton(services => PlacementPolicies.ByName(services.GetRequiredService<IOptions<HubOptions>>().Value.Scheduling.Policy));
        silo.Services.TryAddSingleton<NewTasks>();
        silo.Services.TryAddSingleton<AccountStandings>();
        silo.Services.TryAddSingleton<EndedLookup>();
        silo.Services.TryAddSingleton<ProcessClock>();
        silo.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>, SweepAtStart>();
        return silo;
    }
}

using HiveMind.Auditing;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace HiveMind.Storage;

/// <summary>Wires database that are open already. Call before Orleans is added: what is started first is stopped last, and so it drains last.</summary>
public static class DatabaseServices
{
    public static IServiceCollection AddDatabase(this IServiceCollection services, SqliteDatabase database)
    {
        services.AddSingleton(database);
        services.AddSingleton<IGuardedStore>(database);
        services.TryAddSingleton(FailStop.OfProcess);
        services.AddSingleton<IPoolDatabase>(database);
        services.AddSingleton<IAuditLog>(database);
        services.AddSingleton<IAccountStore>(database);
        services.AddSingleton<AuditTally>();
        services.AddSingleton<IAuditTally>(s => s.GetRequiredService<AuditTally>());
        services.AddHostedService(s => s.GetRequiredService<AuditTally>());
        services.AddSingleton<IActivity>(database);
        services.AddSingleton<ITaskHistory>(database);
        services.AddSingleton<IEndedTasks>(database);
        services.AddSingleton<DatabaseHealth>();
        services.AddSingleton<SettlementWriter>();
        services.AddSingleton<ISettlements>(s => s.GetRequiredService<SettlementWriter>());
        services.AddHostedService(s => s.GetRequiredService<SettlementWriter>());
        services.AddHostedService<ParkedSettlements>();
        services.AddHostedService<DatabaseLeaseKeeper>();
        services.AddHostedService<LedgerWatch>();
        return services;
    }
}

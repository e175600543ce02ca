using HiveMind.Auditing;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace HiveMind.Storage;

/// <summary>Wires books that are open already. Call before Orleans is added: what is started first is stopped last, and so it drains last.</summary>
public static class BooksServices
{
    public static IServiceCollection AddBooks(this IServiceCollection services, SqliteBooks books)
    {
        services.AddSingleton(books);
        services.AddSingleton<IGuardedStore>(books);
        services.TryAddSingleton(FailStop.OfProcess);
        services.AddSingleton<IBooks>(books);
        services.AddSingleton<IAuditLog>(books);
        services.AddSingleton<IAccountBooks>(books);
        services.AddSingleton<AuditTally>();
        services.AddSingleton<IAuditTally>(s => s.GetRequiredService<AuditTally>());
        services.AddHostedService(s => s.GetRequiredService<AuditTally>());
        services.AddSingleton<IActivity>(books);
        services.AddSingleton<ITaskHistory>(books);
        services.AddSingleton<IEndedTasks>(books);
        services.AddSingleton<BooksHealth>();
        services.AddSingleton<SettlementWriter>();
        services.AddSingleton<ISettlements>(s => s.GetRequiredService<SettlementWriter>());
        services.AddHostedService(s => s.GetRequiredService<SettlementWriter>());
        services.AddHostedService<ParkedSettlements>();
        services.AddHostedService<BooksLeaseKeeper>();
        services.AddHostedService<LedgerWatch>();
        return services;
    }
}

using Microsoft.Extensions.DependencyInjection;

namespace HiveMind.Users;

/// <summary>Wires what stands beside UserGrain. It needs IPoolDatabase, IAccountStore and the audit log.</summary>
public static class AccountServices
{
    public static IServiceCollection AddAccounts(this IServiceCollection services) => services.AddSingleton<HashingSlots>().AddSingleton<PasswordChecks>()
        .AddSingleton<LoginGate>().AddSingleton<RegistrationAllowance>().AddSingleton<IAccounts, Accounts>().AddSingleton<AccountClosing>()
        .AddSingleton<ClosingAccounts>().AddSingleton<IClosingAccounts>(s => s.GetRequiredService<ClosingAccounts>()).AddHostedService(s => s.GetRequiredService<ClosingAccounts>());
}

using HiveMind.Storage;
using Microsoft.Extensions.Options;

namespace HiveMind.Rewards;

/// <summary>The grain around an <see cref="AccountDesk"/>: one for each account in the whole pool.</summary>
[GrainType("account-load")]
public sealed class AccountLoadGrain(IOpenTasks index, IBooks books, IOptions<HubOptions> options, TimeProvider time) : Grain, IAccountLoadGrain
{
    private AccountDesk? _desk;

    private AccountDesk Desk => _desk ??= new AccountDesk(this.GetPrimaryKeyString(), index, books, options.Value, time);

    public Task<Admission> Admit(IReadOnlyList<TaskAsk> tasks, string role, bool allOrNone) => Desk.Admit(tasks, role, allOrNone);

    public Task Free(IReadOnlyList<string> taskIds)
    {
        Desk.Free(taskIds);
        return Task.CompletedTask;
    }

    public Task NotBorn(IReadOnlyList<string> taskIds)
    {
        Desk.NotBorn(taskIds);
        return Task.CompletedTask;
    }

    public Task<AccountStanding> GetStanding() => Desk.GetStanding();
}

using HiveMind.Rewards;
using HiveMind.Storage;
using Microsoft.Extensions.Time.Testing;

namespace HiveMind.Tests.Gateway;

/// <summary>The real desk of an account over the stubbed books, one call at a time; the index says nothing of what was let in here, so nothing is summed.</summary>
internal sealed class FakeLoad(string userId, IBooks books, HubOptions options) : IAccountLoadGrain
{
    private readonly AccountDesk _desk = new(
        userId, Stub<IOpenTasks>.New().On("Page", _ => Task.FromResult<IReadOnlyList<OpenTask>>([])).Object, books, options,
        new FakeTimeProvider { AutoAdvanceAmount = TimeSpan.FromSeconds(2) }); // nothing is believed for long
    private readonly SemaphoreSlim _turn = new(1);

    public int Asked { get; private set; }

    public async Task<Admission> Admit(IReadOnlyList<TaskAsk> tasks, string role, bool allOrNone)
    {
        await _turn.WaitAsync();
        try
        {
            Asked++;
            return await _desk.Admit(tasks, role, allOrNone);
        }
        finally
        {
            _turn.Release();
        }
    }

    public Task Free(IReadOnlyList<string> taskIds) => Task.CompletedTask;

    public Task NotBorn(IReadOnlyList<string> taskIds) => Task.CompletedTask;

    public Task<AccountStanding> GetStanding() => _desk.GetStanding();
}

using HiveMind.Rewards;
using HiveMind.Scheduling;
using HiveMind.Storage;
using HiveMind.Tasks;
using Microsoft.Extensions.Time.Testing;

namespace HiveMind.Tests.Gateway;

/// <summary>The real desk of an account over the stubbed database, one call at a time. What was let in stays open.</summary>
internal sealed class FakeLoad : IAccountLoadGrain
{
    private readonly AccountDesk _desk;
    private readonly SemaphoreSlim _turn = new(1);
    private readonly List<PendingTask> _open = [];
    private readonly List<string> _nodes = [];
    private readonly string _userId;

    public FakeLoad(string userId, IPoolDatabase database, HubOptions options)
    {
        _userId = userId;
        var index = Stub<IOpenTasks>.New().On("Page", _ => Task.FromResult<IReadOnlyList<OpenTask>>([.. _open.Select(task => new OpenTask(default, task))]));
        _desk = new AccountDesk(userId, index.Object, database, () => Task.FromResult<IReadOnlyList<string>>([.. _nodes]), options,
            new FakeTimeProvider { AutoAdvanceAmount = TimeSpan.FromSeconds(20) }); // nothing is believed for long
    }

    public async Task<Admission> Admit(IReadOnlyList<TaskAsk> tasks, string role, bool allOrNone)
    {
        await _turn.WaitAsync();
        try
        {
            var answer = await _desk.Admit(tasks, role, allOrNone);
            foreach (var (task, admitted) in tasks.Zip(answer.Tasks).Where(pair => pair.Second.IsNew))
                _open.Add(new PendingTask(task.TaskId, _userId, "python", task.IsUrgent ? TaskPriority.Urgent : TaskPriority.Normal, task.Resources, default, default)
                {
                    HoldMicros = admitted.Hold?.Micros ?? 0, PayloadBytes = task.PayloadBytes,
                });
            return answer;
        }
        finally
        {
            _turn.Release();
        }
    }

    public Task Free(IReadOnlyList<string> taskIds) => Task.CompletedTask;

    public Task NotBorn(IReadOnlyList<string> taskIds) => Task.CompletedTask;

    public async Task<bool> AdmitNode(string nodeId, string role)
    {
        var isNew = await _desk.AdmitNode(nodeId, role);
        if (isNew) _nodes.Add(nodeId);
        return isNew;
    }

    public Task NodeGone(string nodeId)
    {
        _nodes.Remove(nodeId);
        _desk.NodeGone(nodeId);
        return Task.CompletedTask;
    }

    public Task<AccountStanding> GetStanding() => _desk.GetStanding();

    public Task AccountChanged() => _desk.AccountChanged();
}

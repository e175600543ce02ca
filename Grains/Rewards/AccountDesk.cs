using HiveMind.Scheduling;
using HiveMind.Storage;
using HiveMind.Tasks;

namespace HiveMind.Rewards;

/// <summary>
/// Reads the index and the balance for <see cref="AccountLoad"/>. Calls interleave while these are read, one at a time runs; the decision itself is one
/// step without a wait, so two submits at the same moment never get the same credit.
/// </summary>
internal sealed class AccountDesk(
    string userId, IOpenTasks index, IPoolDatabase database, Func<Task<IReadOnlyList<string>>> ownNodes, HubOptions options, TimeProvider time)
{
    private const int Page = 1000;

    /// <summary>How long a balance is believed. Less than what is held it never becomes, but by an admin.</summary>
    private static readonly TimeSpan BalanceAge = TimeSpan.FromSeconds(1);
    /// <summary>Summing anew before a no: not more often than that.</summary>
    private static readonly TimeSpan SumAge = TimeSpan.FromSeconds(1);

    /// <summary>Outputs grow slowly beside what is kept of them.</summary>
    private static readonly TimeSpan OutputAge = TimeSpan.FromMinutes(1);
    /// <summary>Looking through all nodes before a no.</summary>
    private static readonly TimeSpan NodeAge = TimeSpan.FromSeconds(10);

    private readonly AccountLoad _load = new();
    private HashSet<string>? _nodes;
    private Task _looking = Task.CompletedTask;
    private long? _outputsAt, _nodesAt;
    private readonly long _start = time.GetTimestamp();
    private Task _summing = Task.CompletedTask, _reading = Task.CompletedTask;
    private long? _summedAt, _readAt;

    private bool _isActive = true;

    private AccountStanding Standing => _load.Standing with { IsActive = _isActive };

    private TimeSpan Now => time.GetElapsedTime(_start);

    public async Task<Admission> Admit(IReadOnlyList<TaskAsk> tasks, string role, bool allOrNone)
    {
        if (_summedAt is null) await Sum();
        if (options.AsksForBalance) await ReadPurse(BalanceAge);
        await ReadOutputs(role);
        if (Decide(tasks, role, isAll: true) is { IsWhole: true } whole) return whole;
        // Before a no everything is looked at anew.
        if (IsOlder(_summedAt, SumAge)) await Sum();
        if (options.AsksForBalance) await ReadPurse(TimeSpan.Zero);
        return Decide(tasks, role, allOrNone);
    }

    public void Free(IReadOnlyList<string> taskIds)
    {
        foreach (var id in taskIds) _load.Free(id);
    }

    public void NotBorn(IReadOnlyList<string> taskIds)
    {
        foreach (var id in taskIds) _load.NotBorn(id);
    }

    public async Task<AccountStanding> GetStanding()
    {
        if (_summedAt is null) await Sum();
        await ReadPurse(BalanceAge);
        if (_load.Standing.IsCovered) return Standing;
        if (IsOlder(_summedAt, SumAge)) await Sum();
        await ReadPurse(TimeSpan.Zero);
        return Standing;
    }

    public Task AccountChanged() => ReadPurse(TimeSpan.Zero);

    public async Task<bool> AdmitNode(string nodeId, string role)
    {
        if (options.Scheduling.OfRole(role).MaxNodes is not (> 0 and var most)) return false;
        if (_nodes is null || (_nodes.Count >= most && !_nodes.Contains(nodeId) && IsOlder(_nodesAt, NodeAge)))
            await (_looking = _looking.IsCompleted ? Look() : _looking);
        if (_nodes!.Contains(nodeId)) return false;
        if (_nodes.Count >= most)
            throw HiveMindException.Exhausted("NODE_QUOTA", $"You have {_nodes.Count} nodes registered, and at most {most} may be: unregister those that you do not use.");
        return _nodes.Add(nodeId);

        async Task Look()
        {
            _nodes = [.. await ownNodes()];
            _nodesAt = time.GetTimestamp();
        }
    }

    public void NodeGone(string nodeId) => _nodes?.Remove(nodeId);

    private async Task ReadOutputs(string role)
    {
        if (options.Scheduling.OfRole(role).MaxOutputsMb == 0 || !IsOlder(_outputsAt, OutputAge)) return;
        _outputsAt = time.GetTimestamp();
        _load.OutputBytes = await database.OutputBytes(userId, CancellationToken.None);
    }

    private Admission Decide(IReadOnlyList<TaskAsk> tasks, string role, bool isAll)
    {
        var (quota, policy) = (options.Scheduling.OfRole(role), TaskPolicy.From(options));
        var answers = new TaskAdmission[tasks.Count];
        var added = new List<string>();
        var whole = true;
        for (var i = 0; i < answers.Length; i++)
        {
            var hold = options.AsksForBalance ? HoldRule.Of(tasks[i], policy.Rates, policy.MaxAttempts) : null;
            answers[i] = _load.Admit(tasks[i], hold, quota, Now);
            whole &= answers[i].Refusal is null;
            if (answers[i].IsNew) added.Add(tasks[i].TaskId);
            if (whole || !isAll) continue;
            foreach (var id in added) _load.Withdraw(id);
            return new Admission(false, []);
        }

        return new Admission(whole, answers);
    }

    private async Task ReadPurse(TimeSpan age)
    {
        if (!IsOlder(_readAt, age)) return;
        var underWay = _reading;
        if (!underWay.IsCompleted)
        {
            await underWay;
            if (age > TimeSpan.Zero) return;
        }

        await (_reading = _reading.IsCompleted ? Read() : _reading); // began after the call, whoever began it

        async Task Read()
        {
            var mark = _load.BalanceMark;
            (var balance, _isActive) = await database.Purse(userId, CancellationToken.None);
            _load.BalanceIs(balance, mark);
            _readAt = time.GetTimestamp();
        }
    }

    private Task Sum()
    {
        return _summing.IsCompleted ? _summing = Read() : _summing;

        async Task Read()
        {
            List<OpenTask>? found = null;
            _load.BeginSumming();
            try
            {
                found = await Open();
                _summedAt = time.GetTimestamp();
            }
            finally
            {
                _load.EndSumming(
                    found?.Select(place => place.Task).OfType<PendingTask>(), Now, [.. (found ?? []).Where(place => place.IsUnreadable).Select(place => place.Key.TaskId)]);
            }
        }
    }

    private async Task<List<OpenTask>> Open()
    {
        var found = new List<OpenTask>();
        TaskKey? below = null;
        while (true)
        {
            var page = await index.Page(userId, below, 0, Page);
            found.AddRange(page);
            if (page.Count < Page) return found;
            below = page[^1].Key;
        }
    }

    private bool IsOlder(long? at, TimeSpan age) => at is not { } since || time.GetElapsedTime(since) >= age;
}

using HiveMind.Tasks;

namespace HiveMind.Nodes;

/// <summary>
/// When a machine that fails what others would not is cordoned for a while (ADR 23). One account's broken program says nothing of the
/// machine; tasks of several accounts that fail one after another, with no success between, do. So do as many failures of the worker's own,
/// whoever's tasks they were: no program is asked whether a worker can run it. Each cordon of a row is twice as long;
/// after it the machine is on probation: the next failure of an account that had no part in it is enough. A success forgets the row and
/// halves what the next cordon would last.
/// </summary>
public sealed class FailureStreak(int limit, TimeSpan first, TimeSpan most)
{
    /// <summary>Of so many different accounts at least. Two may well have the same bad day.</summary>
    public const int FewestAccounts = 3;
    /// <summary>What one account's failures can add to the count, so that one that submits much does not outweigh the others.</summary>
    public const int MostPerAccount = 2;

    private readonly Dictionary<string, int> _failures = []; // by account, since the last success; not more accounts than the limit
    private readonly HashSet<string> _accused = []; // accounts of the row so far; it grows by few with each cordon
    private int _cordons;
    private int _ownFaults; // since the last success or cordon
    private bool _isOnProbationForOwn; // its last cordon was for its own faults: the next one is enough

    /// <summary>When the last cordon ends or ended; null: there was none, or it is forgotten.</summary>
    public DateTimeOffset? Until { get; private set; }
    public string Reason { get; private set; } = "";

    /// <summary>A wall clock that was set back must not make it longer than it may be.</summary>
    public bool IsCordoned(DateTimeOffset now) => Until is { } until && now < until && until - now <= most;

    /// <summary>An attempt ended here. True: the machine is cordoned from now on.</summary>
    public bool Ended(string account, string cause, DateTimeOffset now)
    {
        if (limit == 0 || IsCordoned(now)) return false; // what began before the cordon says nothing new
        if (cause == Causes.Completed) Succeeded();
        if (!CountsAgainst(cause)) return false;
        _failures[account] = Math.Min(MostPerAccount, _failures.GetValueOrDefault(account) + 1);
        var isOwn = IsMachinesOwn(cause);
        if (isOwn) _ownFaults++;
        var ownAgain = isOwn && _isOnProbationForOwn;
        var own = isOwn && _ownFaults >= limit;
        var again = _accused.Count > 0 && !_accused.Contains(account);
        if (!ownAgain && !own && !again && (_failures.Count < FewestAccounts || _failures.Values.Sum() < limit)) return false;
        Reason = again ? "failing: it was tried again, and a task of yet another account failed"
            : ownAgain ? "failing: it was tried again, and its worker failed again"
            : _failures.Count >= FewestAccounts ? $"failing: tasks of {_failures.Count} accounts failed here one after another"
            : $"failing: its worker failed {_ownFaults} tasks one after another";
        _isOnProbationForOwn = ownAgain || own;
        _ownFaults = 0;
        Until = now + Length(_cordons++);
        _accused.UnionWith(_failures.Keys);
        _failures.Clear();
        return true;
    }

    /// <summary>Somebody says that it is well.</summary>
    public void Forget()
    {
        _failures.Clear();
        _accused.Clear();
        _cordons = 0;
        (_ownFaults, _isOnProbationForOwn) = (0, false);
        Until = null;
    }

    /// <summary>Ends that a broken machine causes. Timeouts, too much output, cancels and lost connections have other reasons.</summary>
    public static bool CountsAgainst(string cause) =>
        cause is Causes.WorkerFault or Causes.WorkerRefused or Causes.ProgramFailed or Causes.OutOfMemory;

    /// <summary>The worker's word that it could not do it: nothing of the program's.</summary>
    public static bool IsMachinesOwn(string cause) => cause is Causes.WorkerFault or Causes.WorkerRefused;

    private void Succeeded()
    {
        _failures.Clear();
        _accused.Clear();
        (_ownFaults, _isOnProbationForOwn) = (0, false);
        _cordons = Math.Max(0, _cordons - 1);
        Until = null;
    }

    private TimeSpan Length(int before)
    {
        var length = first;
        for (var i = 0; i < before && length < most; i++) length *= 2;
        return length < most ? length : most;
    }
}

using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Rewards;

/// <summary>What is held of a balance for an open task, so that no end of it can cost more than there is. Pure.</summary>
public static class HoldRule
{
    /// <summary>
    /// The most that it can cost: every run that may be paid, each as long as it may last. A run that its machine lost is not paid, so without
    /// retries of the program's own ends there is one.
    /// </summary>
    public static TaskHold Of(TaskAsk task, RewardRates rates, int poolMaxAttempts)
    {
        if (task.OnOwnMachines) return TaskHold.Nothing;
        var runs = MayRepeatPaidRuns(task.Retry) ? RetryPolicy.MaxAttempts(task.Retry, poolMaxAttempts) : 1;
        var run = RewardFormula.MostMicros(task.Resources, task.RunTimeout, rates);
        var all = run > Credits.MostMicros / runs ? Credits.MostMicros : run * runs;
        if (task.TotalTimeout > TimeSpan.Zero) all = Math.Min(all, RewardFormula.MostMicros(task.Resources, task.TotalTimeout, rates) + runs);
        return new TaskHold(all, run, runs);
    }

    /// <summary>What is still held after these attempts: what is owed for them, and the runs that may follow.</summary>
    public static long Held(TaskRecord task)
    {
        if (task.Spec?.Hold is not { } hold || task.IsEnded) return 0;
        var left = Math.Max(1, hold.Runs - task.Attempts.Count(attempt => attempt.Counts));
        return Math.Min(hold.Micros, Owed(task) + left * hold.RunMicros);
    }

    /// <summary>The most that its next attempt may cost, whatever the rates are by now; no limit where nothing was held.</summary>
    public static long Most(TaskRecord task) => task.Spec?.Hold is { } hold ? Math.Clamp(hold.Micros - Owed(task), 0, hold.RunMicros) : long.MaxValue;

    private static long Owed(TaskRecord task) => task.Attempts.Sum(attempt => attempt.DueMicros);

    private static bool MayRepeatPaidRuns(RetrySpec retry) => retry.AnyFailure || retry.OnTimeout || retry.ExitCodes.Count > 0;
}

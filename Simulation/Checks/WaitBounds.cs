using HiveMind.Scheduling;

namespace HiveMind.Simulation;

/// <summary>Every task starts within a time that follows from the shares (I7).</summary>
internal sealed class WaitBounds(SimEnvironment env, SimPool pool, SchedulerHost scheduler)
{
    /// <summary>Work of each account's tasks: of all, and of those that have ended.</summary>
    private readonly double[] _userSubmitted = new double[env.Plan.Users.Count], _userEnded = new double[env.Plan.Users.Count];

    /// <summary>
    /// Of every fourth task that nothing holds back. Ahead of it may go: what its own account had open, and what that submits in higher bands until the task has
    /// aged past them; and others, until what its account has used is forgotten or others have used as much.
    /// </summary>
    public void Born(SimTask task)
    {
        _userSubmitted[task.User] += Work(task);
        if (!env.Plan.IsCalm || task.Number % 4 != 0 || !pool.MayEverRun(task)) return;
        if (env.Plan.Scheduling.OfRole(env.Plan.Users[task.User].Role) is { MaxRunning: > 0 } or { MaxCores: > 0 }) return;
        task.AheadFrom = _userEnded[task.User];
        env.Time.Later(3 * env.Plan.Scheduling.AgingStep.Ticks, EventKind.WaitBound, task.Number, 1);
    }

    public void Ended(SimTask task) => _userEnded[task.User] += Work(task);

    /// <summary>Long enough after it came: has it started?</summary>
    public void Ask(SimTask task, int question)
    {
        if (task.FirstGrantAt >= 0 || task.Terminal is not null) return;
        if (question == 2) throw env.Broken("I7", $"{task.Id} ({task.Shape}) of {task.Born.UserId} has waited since {task.Born.SubmittedAt:HH:mm:ss}, longer than its share allows: {scheduler.Core.Explain(task.Id, env.Time.Now).Text}");
        env.Figures.BoundsAsked++;
        var (mine, all) = (env.Plan.Scheduling.OfRole(env.Plan.Users[task.User].Role).Weight, env.Plan.Users.Sum(user => env.Plan.Scheduling.OfRole(user.Role).Weight));
        var bands = env.Plan.Scheduling.BandWeights.Urgent / env.Plan.Scheduling.BandWeights.Low;
        var (here, whole) = (Capacity(task, onlyFeasible: true), Capacity(task, onlyFeasible: false));
        var share = here * mine / all / bands;
        var own = (_userSubmitted[task.User] - task.AheadFrom) / share;
        var forgotten = env.Plan.Scheduling.UsageHalfLife.TotalSeconds * (Math.Log2(2 * all / mine * bands * whole / here) + 2);
        var longest = env.Plan.Shapes.Max(shape => shape.MeanSeconds * Math.Min(6, shape.TimeoutFactor));
        env.Time.Later(Ticks.Seconds(Math.Min(1e6, own + 2 * forgotten + 20 * longest)) + env.Plan.Slack, EventKind.WaitBound, task.Number, 2);
    }

    /// <summary>What the nodes that may run such a task do in a second, counted in such tasks; or what all nodes do.</summary>
    private double Capacity(SimTask task, bool onlyFeasible)
    {
        var sum = 0.0;
        foreach (var node in pool.Nodes)
        {
            var total = ResourceVector.Of(node.Rules.Held.Total);
            if (!onlyFeasible) sum += FairShare.Cost(total);
            else if (pool.Runs(node, task.Shape) && (node.Capabilities.AcceptsStrangers || node.Owner == task.User)) sum += FairShare.Cost(task.Shape.Size);
        }
        return sum;
    }

    private static double Work(SimTask task) => FairShare.Cost(task.Shape.Size) * Math.Min(task.RunTicks, task.Born.RunTimeout.Ticks) / Ticks.Second;
}

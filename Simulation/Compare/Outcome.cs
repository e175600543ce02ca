using HiveMind.Nodes;
using HiveMind.Scheduling;

namespace HiveMind.Simulation;

/// <summary>How well a world was served. Times in seconds.</summary>
internal sealed record Outcome(double Makespan, double MeanWait, double P99Wait, double Fairness, double OfBound)
{
    public static Outcome Of(World world, WorldPlan plan)
    {
        var tasks = world.Tasks.Where(task => task.FirstGrantAt >= 0).ToList();
        var waits = tasks.Select(task => Seconds(task.FirstGrantAt - Submitted(task))).Order().ToList();
        double first = Seconds(tasks.Min(Submitted)), last = Seconds(tasks.Max(task => task.EndedAt));
        return new(last - first, waits.Average(), waits[(int)(waits.Count * 0.99)], Jain(tasks, plan), LowerBound(tasks, plan, first) / (last - first));
    }

    public static Outcome Mean(IReadOnlyList<Outcome> all) => new(
        all.Average(o => o.Makespan), all.Average(o => o.MeanWait), all.Average(o => o.P99Wait), all.Average(o => o.Fairness), all.Average(o => o.OfBound));

    /// <summary>No schedule is shorter: all the work of one resource over all there is of it, and the task that would end last if it never waited.</summary>
    private static double LowerBound(List<SimTask> tasks, WorldPlan plan, double first)
    {
        var all = plan.Nodes.Select(node => NodeReservations.TotalOf(node.Lends)).ToList();
        double Work(Func<ResourceRequest, int> part) => all.Sum(total => (double)part(total)) is > 0 and var has
            ? tasks.Sum(task => part(task.Shape.Resources) * Run(task)) / has : 0;
        var alone = tasks.Max(task => Seconds(Submitted(task)) + Run(task)) - first;
        return Math.Max(Math.Max(Work(r => r.MilliCores), Work(r => r.MemoryMb)), Math.Max(Work(r => r.Gpus), alone));
    }

    /// <summary>
    /// Jain's index of what each account received over what it was entitled to, when half of all the time that was served has been: entitled is an equal share, by
    /// weight, of what was served so far, but no more than it had asked for. 1: all alike; 1/n: one got all.
    /// </summary>
    private static double Jain(List<SimTask> tasks, WorldPlan plan)
    {
        var ends = tasks.OrderBy(task => task.EndedAt).ToList();
        var (half, sum) = (tasks.Sum(Cost) / 2, 0.0);
        var until = ends.First(task => (sum += Cost(task)) >= half).EndedAt;
        var received = new double[plan.Users.Count];
        var asked = new double[plan.Users.Count];
        foreach (var task in tasks)
        {
            if (Submitted(task) < until) asked[task.User] += Cost(task);
            if (task.FirstGrantAt < until) received[task.User] += Cost(task) * Math.Min(1, (until - task.FirstGrantAt) / (double)Math.Max(1, task.EndedAt - task.FirstGrantAt));
        }
        var entitled = FilledUp(asked, [.. plan.Users.Select(user => plan.Scheduling.OfRole(user.Role).Weight)], received.Sum());
        var ratios = received.Zip(entitled).Where(pair => pair.Second > 0).Select(pair => pair.First / pair.Second).ToList();
        return Math.Pow(ratios.Sum(), 2) / (ratios.Count * ratios.Sum(ratio => ratio * ratio));
    }

    /// <summary>Shares by weight; what one does not ask for goes to the others.</summary>
    private static double[] FilledUp(double[] asked, double[] weights, double total)
    {
        var got = new double[asked.Length];
        var open = Enumerable.Range(0, asked.Length).Where(i => asked[i] > 0).ToList();
        while (open.Count > 0 && total > 1e-9)
        {
            var level = open.Min(i => (asked[i] - got[i]) / weights[i]);
            var step = Math.Min(level, total / open.Sum(i => weights[i]));
            foreach (var i in open) got[i] += step * weights[i];
            total -= step * open.Sum(i => weights[i]);
            open.RemoveAll(i => asked[i] - got[i] <= 1e-9);
            if (step < level) break;
        }
        return got;
    }

    private static double Cost(SimTask task) => FairShare.Cost(task.Shape.Size) * Run(task);
    private static long Submitted(SimTask task) => VirtualClock.TicksAt(task.Born.SubmittedAt);
    private static double Run(SimTask task) => Seconds(Math.Min(task.RunTicks, task.Born.RunTimeout.Ticks));
    private static double Seconds(long ticks) => ticks / (double)Ticks.Second;
}

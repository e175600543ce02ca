using System.Globalization;
using HiveMind.Scheduling;

namespace HiveMind.Simulation;

/// <summary>Every policy on every workload, as a table of `docs/scheduling.md`.</summary>
internal static class PolicyComparison
{
    public static void Run(int seeds, TextWriter output)
    {
        output.WriteLine("| workload | policy | makespan (s) | mean wait (s) | p99 wait (s) | fairness (Jain) | lower bound / makespan |");
        output.WriteLine("| --- | --- | --- | --- | --- | --- | --- |");
        foreach (var workload in Workload.All)
        {
            foreach (var policy in PlacementPolicies.All)
            {
                var mean = Outcome.Mean([.. Enumerable.Range(1, seeds).Select(seed => Play(workload, policy.Name, (ulong)seed))]);
                output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"| {workload.Name} | {policy.Name} | {mean.Makespan:F0} | {mean.MeanWait:F1} | {mean.P99Wait:F1} | {mean.Fairness:F3} | {mean.OfBound:F3} |"));
            }
        }
        output.WriteLine();
        foreach (var workload in Workload.All) output.WriteLine($"- *{workload.Name}*: {workload.Is}");
    }

    public static Outcome Play(Workload workload, string policy, ulong seed)
    {
        var plan = workload.Plan(seed, policy);
        var world = new World(plan, command: "dotnet run --project Simulation -c Release -- compare");
        world.Run(long.MaxValue);
        return Outcome.Of(world, plan);
    }
}

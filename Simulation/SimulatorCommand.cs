using System.Diagnostics;
using System.Globalization;
using HiveMind.Scheduling;

namespace HiveMind.Simulation;

/// <summary>The simulator from the command line: many seeds in parallel, or one again.</summary>
internal static class SimulatorCommand
{
    public static int Run(string[] args)
    {
        string? Text(string name) => Array.IndexOf(args, name) is var at and >= 0 && at + 1 < args.Length ? args[at + 1] : null;
        long Number(string name, long fallback) => Text(name) is { } text ? long.Parse(text, CultureInfo.InvariantCulture) : fallback;
        var policy = Text("--policy");
        if (args is ["--help", ..] || (policy is not null && PlacementPolicies.All.All(known => known.Name != policy))) return Usage();
        if (args is ["compare", ..])
        {
            PolicyComparison.Run((int)Number("--seeds", 5), Console.Out);
            return 0;
        }
        if (Text("--watch") is { } subject)
        {
            try
            {
                Seeds.Play((ulong)Number("--from", 1), Number("--steps", 100_000), policy, watch: new EventWatch(subject, Console.Out));
                return 0;
            }
            catch (ViolationException violation)
            {
                Console.Out.WriteLine(violation.Message);
                return 1;
            }
        }
        return Seeds.Run(Number("--from", 1), Number("--seeds", 100), Number("--steps", 100_000), policy, (int)Number("--parallel", Environment.ProcessorCount), Console.Out)
            ? 0 : 1;
    }

    private static int Usage()
    {
        Console.Error.WriteLine($"""
            Plays seeds: pools under virtual time, their invariants checked at every step. Ends with 1 at the first that breaks one.
            compare [--seeds 5]  every policy on every workload, as a table
              --from 1         the first seed
              --seeds 100      how many
              --steps 100000   events of each, before it is brought to its end
              --policy NAME    {string.Join(", ", PlacementPolicies.All.Select(policy => policy.Name))}; by the seed unless said
              --watch SUBJECT  of one seed, what happens to a task (t000000012) or a node (n03)
              --parallel N     at the same time; a processor each unless said
            """);
        return 2;
    }
}

/// <summary>Plays seeds one after the other or side by side.</summary>
internal static class Seeds
{
    public static string Command(ulong seed, long steps, string? policy) => string.Create(CultureInfo.InvariantCulture,
        $"dotnet run --project Simulation -c Release -- --from {seed} --seeds 1 --steps {steps}{(policy is null ? "" : $" --policy {policy}")}");

    public static World Play(ulong seed, long steps, string? policy = null, PlantedDefect? defect = null, EventWatch? watch = null)
    {
        var world = new World(PlanMaker.FromSeed(seed, policy), defect, Command(seed, steps, policy)) { Watch = watch };
        world.Run(steps);
        return world;
    }

    /// <summary>False: one broke an invariant, which was printed.</summary>
    public static bool Run(long from, long seeds, long steps, string? policy, int parallel, TextWriter output)
    {
        var began = Stopwatch.GetTimestamp();
        var figures = new WorldFigures();
        var (played, total, broken) = (0, 0L, (ViolationException?)null);
        var gate = new Lock();
        Parallel.For(from, from + seeds, new ParallelOptions { MaxDegreeOfParallelism = parallel }, (seed, loop) =>
        {
            try
            {
                var world = Play((ulong)seed, steps, policy);
                lock (gate)
                {
                    (played, total) = (played + 1, total + world.Steps);
                    figures.Add(world.Figures);
                    if (seeds == 1) output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"seed {seed}: {world.Steps:N0} steps, {world.Elapsed:c} of virtual time, trace {world.Trace:x16}"));
                }
            }
            catch (ViolationException violation)
            {
                lock (gate)
                    if (broken is null || violation.Seed < broken.Seed) broken = violation;
                loop.Stop();
            }
        });
        var took = Stopwatch.GetElapsedTime(began);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{played} seeds, {total:N0} steps in {took.TotalSeconds:F1} s: {total / took.TotalSeconds:N0} steps/s"));
        output.WriteLine(figures.ToString());
        if (broken is not null) output.WriteLine(broken.Message + (broken.InnerException is { } cause ? $"\n{cause}" : ""));
        return broken is null;
    }
}

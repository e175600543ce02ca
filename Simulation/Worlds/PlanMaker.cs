using HiveMind.Nodes;
using HiveMind.Scheduling;

namespace HiveMind.Simulation;

/// <summary>A world from a seed: sizes, mixes and faults drawn so that every corner is met by some seed of a few hundred.</summary>
internal static class PlanMaker
{
    private static readonly string[] Zones = ["a", "b", "c"];

    public static WorldPlan FromSeed(ulong seed, string? policy = null)
    {
        var chance = new SimRandom(seed * 2 + 1);
        var users = Users(chance);
        var nodes = Nodes(chance, users.Count);
        var plan = new WorldPlan
        {
            Seed = seed, Kind = "", Nodes = nodes, Users = users, Shapes = Shapes(chance), Policy = policy ?? chance.Of(PlacementPolicies.All).Name,
            Scheduling = Scheduling(chance), MaxAttempts = chance.Between(1, 6), CrashLimit = chance.Of([0, 2, 3]),
            LoadHigh = chance.Between(0.6, 2.5), LoadLow = chance.Between(0.1, 1.0), LoadTurn = Ticks.Seconds(chance.Between(20, 200)),
            BurstChance = chance.Chance(0.5) ? 0.01 : 0, BurstMost = chance.Between(10, 400), MostOpen = chance.Of([200, 1000, 4000]),
            CancelShare = chance.Of([0, 0.02, 0.2]), FailShare = chance.Of([0, 0.03]), WorkerFaultShare = chance.Of([0, 0.02, 0.1]),
            DeadlineShare = chance.Of([0, 0.05, 0.3]), RetryShare = chance.Of([0, 0.3]),
            Delay = chance.Of([0.5, 2.0, 10.0, 40.0]) * Ticks.Millisecond, Straggles = chance.Of([0, 0.001, 0.02]),
            Priorities = chance.Of<double[]>([[1, 4, 1, 0.3], [1, 1, 1, 1], [0.1, 0.2, 1, 5]]),
        };
        foreach (var shape in plan.Shapes) shape.Feasible = plan.Nodes.Any(node => node.Lends.AcceptsStrangers && plan.Runs(node, shape));
        var whole = Faults(plan, chance);
        // Promises to the letter are for tasks that any node may run; elsewhere each length is met.
        whole.Scheduling.RetryElsewhere = whole.Kind == "calm" ? TimeSpan.Zero : TimeSpan.FromSeconds((seed % 3) switch { 0 => 0, 1 => 10, _ => 60 });
        if (whole.Kind is "calm" or "hub") return whole;
        return whole with { SlowStart = (seed % 4) switch { 0 => 0, 1 => 2, _ => 8 }, LongestLease = (seed % 3) switch { 0 => 0, 1 => 30 * Ticks.Second, _ => 2 * Ticks.Minute } };
    }

    private static WorldPlan Faults(WorldPlan plan, SimRandom chance) => chance.Below(10) switch
    {
        < 2 => plan with { Kind = "calm" },
        2 when plan.Seed % 2 == 0 => plan with { Kind = "calm" },
        2 => plan with { Kind = "stores", StoreHangs = chance.Of([0.01, 0.1, 0.5]), Straggles = 0, SchedulerDeaths = chance.Chance(0.5) ? Mean(chance, 10, 60) : 0 },
        3 => plan with
        {
            Kind = "hub", HubFreezes = Mean(chance, 5, 60), HubOutages = chance.Chance(0.7) ? Mean(chance, 10, 100) : 0, NodeGrainLosses = Mean(chance, 10, 100),
            AskFails = chance.Of([0, 0.1, 0.5]),
        },
        < 6 => Messages(plan, chance) with { Kind = "messages" },
        < 8 => Machines(plan, chance) with { Kind = "machines" },
        _ => Machines(Messages(plan, chance), chance) with
        {
            Kind = "everything", SchedulerDeaths = Mean(chance, 20, 200), NodeGrainLosses = Mean(chance, 10, 100), TaskGrainLosses = Mean(chance, 1, 10),
            WriteFails = chance.Of([0, 0.01]), OrphanShare = 0.01, AskFails = chance.Of([0, 0.05]),
            HubFreezes = chance.Chance(0.3) ? Mean(chance, 50, 300) : 0, HubOutages = chance.Chance(0.3) ? Mean(chance, 50, 300) : 0,
        },
    };

    private static WorldPlan Messages(WorldPlan plan, SimRandom chance) => plan with
    {
        Lost = chance.Of([0, 0.002, 0.02, 0.1]), Doubled = chance.Of([0, 0.01, 0.1]), SchedulerDeaths = chance.Chance(0.3) ? Mean(chance, 50, 300) : 0,
    };

    private static WorldPlan Machines(WorldPlan plan, SimRandom chance) => plan with
    {
        Deaths = chance.Chance(0.8) ? Mean(chance, 5, 100) : 0, Freezes = chance.Chance(0.8) ? Mean(chance, 5, 100) : 0,
        Cuts = chance.Chance(0.5) ? Mean(chance, 5, 100) : 0, Resizes = chance.Chance(0.5) ? Mean(chance, 5, 100) : 0,
        Departures = chance.Chance(0.5) ? Mean(chance, 20, 200) : 0, Cordons = chance.Chance(0.5) ? Mean(chance, 10, 100) : 0,
        CordonAfterFailures = chance.Of([0, 4, 6]), FailShare = chance.Of([0.02, 0.4]),
    };

    private static long Mean(SimRandom chance, double low, double high) => Ticks.Seconds(chance.Between(low, high));

    private static List<PlannedUser> Users(SimRandom chance)
    {
        var zipf = chance.Of([0, 0.8, 1.2, 2.0]);
        return [.. Enumerable.Range(0, chance.Between(3, 20)).Select(i => new PlannedUser($"u{i:D2}", chance.Of(["", "", "small", "big"]), 1 / Math.Pow(i + 1, zipf)))];
    }

    private static List<PlannedNode> Nodes(SimRandom chance, int users)
    {
        var sizes = chance.Of<(double Cores, int Memory)[]>([[(4, 8192)], [(2, 4096), (8, 16384)], [(1, 2048), (4, 8192), (16, 65536)], [(8, 8192), (8, 65536)]]);
        var gpuShare = chance.Of([0, 0.15, 0.5]);
        var ownShare = chance.Of([0, 0, 0.15, 0.4]);
        var nodes = new List<PlannedNode>();
        for (var i = chance.Between(5, 40); i > 0; i--)
        {
            var (cores, memory) = chance.Of(sizes);
            var gpus = chance.Chance(gpuShare) ? chance.Of([1, 2, 4]) : 0;
            nodes.Add(new($"n{nodes.Count:D2}", chance.Below(users), new NodeCapabilities
            {
                CpuCores = cores, MemoryMb = memory, GpuCount = gpus, GpuModel = gpus > 0 ? chance.Of(["H200", "A10"]) : "",
                SupportedTasks = chance.Chance(0.7) ? ["python", "docker"] : ["python"], AcceptsStrangers = !chance.Chance(ownShare),
                Labels = new Dictionary<string, string> { ["zone"] = chance.Of(Zones) },
            }));
        }
        return nodes;
    }

    private static List<TaskShape> Shapes(SimRandom chance)
    {
        var mean = chance.Of<(double Low, double High)>([(0.1, 1), (0.5, 5), (2, 20), (10, 90)]);
        var count = chance.Between(3, 24);
        var shapes = new List<TaskShape>();
        for (var i = 0; i < count; i++)
        {
            var big = chance.Chance(0.15);
            var cores = big ? chance.Of([4000, 8000, 16000]) : chance.Of([100, 250, 500, 1000, 1000, 2000]);
            var memory = big ? chance.Of([2048, 8192]) : chance.Of([64, 256, 512, 1024]);
            var gpus = chance.Chance(0.1) ? chance.Of([1, 1, 2, 4]) : 0;
            var labels = chance.Below(12) switch { 0 => $"zone = {chance.Of(Zones)}", 1 => "zone in (a, b)", 2 when gpus > 0 => "gpu.model = H200", 3 => "zone = nowhere", _ => "" };
            shapes.Add(new(
                i, chance.Chance(0.2) ? "docker" : "python", new(cores, memory, gpus), LabelExpression.Parse(labels).ToString(),
                chance.Between(mean.Low, mean.High), chance.Of([1.2, 3, 10, 60]), big ? 0.3 : 1));
        }
        return shapes;
    }

    private static SchedulingOptions Scheduling(SimRandom chance) => new()
    {
        AgingStep = chance.Of([TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(10)]),
        UsageHalfLife = chance.Of([TimeSpan.FromSeconds(10), TimeSpan.FromMinutes(1), TimeSpan.FromHours(1)]),
        Roles = new()
        {
            ["small"] = new() { MaxRunning = chance.Of([0, 2, 10]), MaxCores = chance.Of([0, 4.0, 16.0]) },
            ["big"] = new() { Weight = chance.Of([1, 3.0]) },
        },
    };
}

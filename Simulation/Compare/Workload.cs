using HiveMind.Nodes;
using HiveMind.Scheduling;

namespace HiveMind.Simulation;

/// <summary>A pool and what comes to it, by name; a seed draws the order, sizes and times, the same for every policy.</summary>
internal sealed record Workload(string Name, string Is, Func<ulong, string, WorldPlan> Plan)
{
    private const int Tasks = 6000;

    public static readonly IReadOnlyList<Workload> All =
    [
        new("mixed", "20 machines of 4 to 16 cores, 8 accounts, tasks of 0.5 to 4 cores and 2 to 20 s", (seed, policy) => Of(seed, policy, Machines([4, 8, 16], 20), Even(8), [
            Shape(0, 500, 512, 2, 3), Shape(1, 1000, 1024, 5, 4), Shape(2, 2000, 2048, 10, 2), Shape(3, 4000, 4096, 20, 1)])),
        new("big and small", "10 machines of 16 cores; 1-core tasks of 2 s, and one in forty that takes a whole machine for 10 s", (seed, policy) => Of(seed, policy, Machines([16], 10), Even(4), [
            Shape(0, 1000, 512, 2, 39), Shape(1, 16000, 8192, 10, 1)])),
        new("gpu", "12 machines, 4 of them with 4 GPUs; a fifth of the tasks wants 1 to 4 GPUs", (seed, policy) => Of(seed, policy, Machines([8], 12, gpus: 4), Even(6), [
            Shape(0, 1000, 1024, 4, 8), Shape(1, 1000, 2048, 8, 1, gpus: 1), Shape(2, 4000, 8192, 15, 1, gpus: 4)])),
        new("bursty", "20 machines of 8 cores; hardly anything, then up to 400 tasks of one account at once", (seed, policy) => Of(seed, policy, Machines([8], 20), Even(12), [
            Shape(0, 500, 256, 1, 3), Shape(1, 1000, 1024, 3, 2), Shape(2, 4000, 2048, 8, 1)]) with { BurstChance = 0.02, BurstMost = 400 }),
        new("skewed", "20 machines of 8 cores, 20 accounts of which the first sends half of all", (seed, policy) => Of(seed, policy, Machines([8], 20),
            [.. Enumerable.Range(0, 20).Select(i => new PlannedUser($"u{i:D2}", "", i == 0 ? 19 : 1))], [
            Shape(0, 1000, 512, 3, 4), Shape(1, 2000, 1024, 6, 2), Shape(2, 8000, 4096, 12, 0.2)])),
    ];

    private static WorldPlan Of(ulong seed, string policy, IReadOnlyList<NodeCapabilities> machines, IReadOnlyList<PlannedUser> users, IReadOnlyList<TaskShape> shapes)
    {
        foreach (var shape in shapes) shape.Feasible = true;
        return new()
        {
            Seed = seed, Kind = "compare", Policy = policy, Users = users, Shapes = shapes, Nodes = [.. machines.Select((lends, i) => new PlannedNode($"n{i:D2}", 0, lends))],
            Tasks = Tasks, LoadHigh = 1.3, LoadLow = 1.3, MostOpen = int.MaxValue,
            Scheduling = new() { UsageHalfLife = TimeSpan.FromMinutes(5) },
        };
    }

    private static List<NodeCapabilities> Machines(int[] cores, int count, int gpus = 0) => [.. Enumerable.Range(0, count).Select(i => new NodeCapabilities
    {
        CpuCores = cores[i % cores.Length], MemoryMb = 4096L * cores[i % cores.Length], GpuCount = gpus > 0 && i % 3 == 0 ? gpus : 0, SupportedTasks = ["python"], AcceptsStrangers = true,
    })];

    private static PlannedUser[] Even(int users) => [.. Enumerable.Range(0, users).Select(i => new PlannedUser($"u{i:D2}", "", 1))];

    private static TaskShape Shape(int number, int milliCores, int memory, double seconds, double weight, int gpus = 0) =>
        new(number, "python", new(milliCores, memory, gpus), "", seconds, 4, weight);
}

using HiveMind.Scheduling;

namespace HiveMind.Benchmarks;

/// <summary>
/// The scheduler's core on one thread: the time of a submit and of a placement (a node's news, the proposal, its answer) by how many wait and how many nodes there are,
/// and the memory of a waiting task. Only the core's calls are timed.
/// </summary>
internal static class CoreFigures
{
    private const int Rounds = 7, NodesPerTurn = 8;

    public static int Run(string policyName, int most)
    {
        var policy = PlacementPolicies.ByName(policyName);
        Console.WriteLine($"{policyName}, 200 accounts (Zipf), 50 shapes, 10 % infeasible; median of {Rounds} rounds, processor time of one thread");
        Console.WriteLine("| nodes | waiting | submit ns | placement ns | placements/s | bytes a waiting task |");
        Console.WriteLine("| ---: | ---: | ---: | ---: | ---: | ---: |");
        foreach (var (nodes, pending) in new[] { (1000, 100), (1000, 10_000), (1000, 100_000), (1000, 1_000_000), (100, 100_000), (10_000, 100_000) })
            if (pending <= most) Measure(policy, nodes, pending);
        return 0;
    }

    private static void Measure(IPlacementPolicy policy, int nodes, int pending)
    {
        var empty = new CoreLoad(nodes, 0, policy);
        var without = GC.GetTotalMemory(true);
        GC.KeepAlive(empty);
        empty = null;
        var load = new CoreLoad(nodes, pending, policy);
        var bytes = (GC.GetTotalMemory(true) - without) / (double)pending;
        var (submits, placements) = (new List<double>(), new List<double>());
        for (var round = 0; round < Rounds; round++)
        {
            var (placed, placing, submitting) = (0, 0L, 0L);
            while (placed < 30_000)
            {
                var views = load.Finish(NodesPerTurn);
                var began = ThreadClock.Now;
                foreach (var view in views) load.Core.NodeChanged(view, load.Now);
                var offers = load.Core.Propose(load.Now, 1024);
                placing += ThreadClock.Now - began;

                var answers = load.Answers(offers);
                began = ThreadClock.Now;
                foreach (var (node, result, _) in answers) load.Core.OfferAnswered(node, result, load.Now);
                placing += ThreadClock.Now - began;
                var now = answers.Sum(answer => answer.Tasks);
                placed += now;

                var tasks = Enumerable.Range(0, now).Select(_ => load.NewTask()).ToList();
                began = ThreadClock.Now;
                foreach (var task in tasks) load.Core.Enqueue(task, load.Now);
                submitting += ThreadClock.Now - began;
            }
            placements.Add(placing / (double)placed);
            submits.Add(submitting / (double)placed);
        }
        var placement = placements.Order().ElementAt(Rounds / 2);
        Console.WriteLine($"| {nodes} | {pending} | {submits.Order().ElementAt(Rounds / 2):F0} | {placement:F0} | {1e9 / placement:F0} | {bytes:F0} |");
    }
}

using System.Globalization;
using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Benchmarks;

/// <summary>
/// A full pool around the scheduler's core: 200 accounts by Zipf's law, 50 shapes of requirement, one task in ten asking for what no node has. Whenever a node is
/// done with all it ran, the core places anew and as many tasks are submitted as were placed, so that the number that waits stays.
/// </summary>
internal sealed class CoreLoad
{
    private const int Accounts = 200, Shapes = 50;
    private static readonly DateTimeOffset Epoch = new(2026, 11, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly Random _random = new(7);
    private readonly string[] _accounts = [.. Enumerable.Range(0, Accounts).Select(i => $"{i:x32}")];
    private readonly double[] _zipf = new double[Accounts];
    private readonly (string Type, ResourceRequest Resources, string Labels, TimeSpan Timeout)[] _shapes;
    private readonly NodeView[] _empty, _nodes;
    private long _version;
    private long _ids;
    private DateTimeOffset _now = Epoch;

    public CoreLoad(int nodes, int pending, IPlacementPolicy policy)
    {
        var sum = 0.0;
        for (var i = 0; i < Accounts; i++) _zipf[i] = sum += 1.0 / (i + 1);
        for (var i = 0; i < Accounts; i++) _zipf[i] /= sum;
        _shapes = [.. Enumerable.Range(0, Shapes).Select(i => (
            i % 2 == 0 ? "python" : "docker", new ResourceRequest(250 * (1 + i % 8), 256 * (1 + i % 5), i % 25 == 24 ? 1 : 0),
            i % 10 == 3 ? "zone = a" : "", TimeSpan.FromMinutes(i % 3 == 0 ? 10 : 60)))];
        _empty = [.. Enumerable.Range(0, nodes).Select(i =>
        {
            var size = new ResourceRequest(16_000, 65_536, i % 10 == 0 ? 4 : 0);
            return new NodeView($"node-{i:00000}", "lender", true, ["docker", "python"], size, size, true, 1)
            {
                Labels = new Dictionary<string, string> { ["zone"] = i % 2 == 0 ? "a" : "b" },
            };
        })];
        Core = new SchedulerCore(policy, new SchedulingOptions(), seed: 1);
        _nodes = [.. _empty];
        foreach (var node in _nodes) Core.NodeChanged(node with { Version = ++_version }, _now);
        do Submit(1024 - Core.Counts.Pending, orInfeasible: false);
        while (Turn(Core.Propose(_now, 1024)) > 0);
        Submit(pending - Core.Counts.Pending, orInfeasible: true);
    }

    public SchedulerCore Core { get; }

    /// <summary>Replacements are feasible: else those that are not would pile up until nothing else waits.</summary>
    public PendingTask NewTask(bool orInfeasible = false)
    {
        var dice = _random.NextDouble();
        var account = Array.BinarySearch(_zipf, dice);
        if (account < 0) account = ~account;
        var shape = _shapes[_random.Next(Shapes)];
        var infeasible = orInfeasible && _random.Next(10) == 0;
        return new PendingTask(
            $"{(ulong)++_ids * 0x9E3779B97F4A7C15UL:x16}{_ids:x16}", _accounts[account], shape.Type, (TaskPriority)_random.Next(4),
            infeasible ? shape.Resources with { MilliCores = 100_000 } : shape.Resources, _now, _now)
        {
            RunTimeout = shape.Timeout, Labels = shape.Labels, Role = "user",
        };
    }

    private void Submit(int tasks, bool orInfeasible)
    {
        for (var i = 0; i < tasks; i++) Core.Enqueue(NewTask(orInfeasible), _now);
    }

    /// <summary>All that runs on some nodes has ended.</summary>
    public NodeView[] Finish(int nodes)
    {
        _now = _now.AddMilliseconds(20);
        return [.. Enumerable.Range(0, nodes).Select(_ => _random.Next(_nodes.Length)).Distinct().Select(i => _nodes[i] = _empty[i] with { Version = ++_version })];
    }

    public DateTimeOffset Now => _now;

    /// <summary>What the nodes answer: all granted, and what each runs then.</summary>
    public List<(string NodeId, OfferResult Result, int Tasks)> Answers(IReadOnlyList<NodeOffer> offers)
    {
        var answers = new List<(string, OfferResult, int)>(offers.Count);
        foreach (var offer in offers)
        {
            var i = int.Parse(offer.NodeId.AsSpan(5), CultureInfo.InvariantCulture);
            var started = offer.Tasks.Select(task => new RunningTask(task.TaskId, task.UserId, task.Priority, task.Resources, _now + task.RunTimeout));
            _nodes[i] = _nodes[i] with
            {
                Free = offer.Tasks.Aggregate(_nodes[i].Free, (room, task) => room.Minus(task.Resources)), Running = [.. _nodes[i].Running, .. started], Version = ++_version,
            };
            answers.Add((
                offer.NodeId, new OfferResult([.. offer.Tasks.Select(task => new OfferAnswer(task.TaskId, OfferAnswerKind.Granted))], _nodes[i]), offer.Tasks.Count));
        }
        return answers;
    }

    /// <summary>What can be placed is, all is granted, and as many tasks are submitted: how many.</summary>
    public int Settle()
    {
        var placed = Turn(Core.Propose(_now, 1024));
        Submit(placed, orInfeasible: false);
        return placed;
    }

    private int Turn(IReadOnlyList<NodeOffer> offers)
    {
        var answers = Answers(offers);
        foreach (var (node, result, _) in answers) Core.OfferAnswered(node, result, _now);
        return answers.Sum(answer => answer.Tasks);
    }
}

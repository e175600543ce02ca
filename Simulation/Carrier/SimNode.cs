using HiveMind.Nodes;
using HiveMind.Scheduling;

namespace HiveMind.Simulation;

/// <summary>A node: what is stored of it, and the activation of its grain that lives now.</summary>
internal sealed class SimNode(int number, string id, string ownerId, int owner, WorldPlan plan) : SimActor
{
    public int Number { get; } = number;
    public string Id { get; } = id;
    public string OwnerId { get; } = ownerId;
    public int Owner { get; } = owner;
    /// <summary>What it lends when nothing was changed.</summary>
    public NodeCapabilities Whole { get; } = plan.Nodes[number].Lends;
    public NodeCapabilities Capabilities { get; set; } = plan.Nodes[number].Lends;
    public SimMachine Machine { get; } = new();

    /// <summary>Null: there is no record.</summary>
    public NodeRecord? Stored { get; set; }
    public bool IsRegistered => Stored is { Removed: false };

    public NodeMachine Rules { get; set; } = null!;
    public bool TickWaits { get; set; }
    /// <summary>Commands that it began by itself and that are under way; what a planted defect puts off until none is.</summary>
    public int Begun { get; set; }
    public List<Action> AfterBegun { get; } = [];

    // What the checks know.
    public long LastEpoch { get; set; } = -1;
    /// <summary>It shrank, or took up what it ran already: it may hold more than it lends until enough has ended.</summary>
    public bool MayExceed { get; set; }
    /// <summary>What it last said that it lends.</summary>
    public ResourceRequest? SaidTotal { get; set; }
    /// <summary>What it last said that it holds, where that is counted.</summary>
    public HashSet<string> Said { get; set; } = [];
    public NodeView? LastSaid { get; set; }
    public long BeatsSince { get; set; }
    public int Beats { get; set; }

    public override bool Step(IEnumerator<Effect> command, Instant now) => Rules.Step(command, now);
}

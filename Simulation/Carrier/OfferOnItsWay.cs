using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Simulation;

/// <summary>An offer from the proposal to the answer: one call of the scheduler's grain to a node's grain.</summary>
internal sealed class OfferOnItsWay(NodeOffer offer, int node, int incarnation)
{
    public NodeOffer Offer { get; } = offer;
    public int Node { get; } = node;
    /// <summary>Of the scheduler that made it.</summary>
    public int Incarnation { get; } = incarnation;
    /// <summary>The node's word never reaches the scheduler.</summary>
    public bool AnswerLost { get; set; }

    public OfferResult? Result { get; set; }
}

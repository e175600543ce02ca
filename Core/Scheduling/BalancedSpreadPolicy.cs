namespace HiveMind.Scheduling;

/// <summary>
/// The node whose fullest resource is least full once the task is on it; a machine that its owner uses counts as that much fuller. Good for lent machines: each
/// is loaded lightly, the loss of one costs little. (The worst fit of Nomad's spread scheduler, Kubernetes' LeastAllocated.)
/// </summary>
public sealed class BalancedSpreadPolicy : IPlacementPolicy
{
    public string Name => "BalancedSpread";
    public int Candidates => 32;
    public bool AtRandom => false;

    public double Score(in NodeLoad node, in ResourceVector request) => -node.Fullest(request) - node.OwnersUse;
}

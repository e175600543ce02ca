namespace HiveMind.Scheduling;

/// <summary>
/// The node that is fullest once the task is on it. Good where big tasks come among many small ones, because whole nodes stay free for them, and
/// where idle machines may sleep. A machine that its owner uses is left alone while there is another. (Nomad's default binpack, Kubernetes'
/// MostAllocated.)
/// </summary>
public sealed class BinPackingPolicy : IPlacementPolicy
{
    public string Name => "BinPacking";
    public int Candidates => 32;
    public bool AtRandom => false;

    public double Score(in NodeLoad node, in ResourceVector request) => node.Fullest(request) - 2 * node.OwnersUse;
}

namespace HiveMind.Scheduling;

/// <summary>
/// Of two nodes drawn at random the one that is less full. Nearly as even as looking at all of them (Mitzenmacher 2001; Sparrow), at a cost that does not
/// depend on their number: for very large pools of small tasks.
/// </summary>
public sealed class PowerOfTwoChoicesPolicy : IPlacementPolicy
{
    public string Name => "PowerOfTwoChoices";
    public int Candidates => 2;
    public bool AtRandom => true;

    public double Score(in NodeLoad node, in ResourceVector request) => -node.Fullest(request) - node.OwnersUse;
}

using HiveMind.Scheduling;

namespace HiveMind.Nodes;

/// <summary>
/// A machine that has shown nothing yet holds few tasks of others at a time, and each that succeeds doubles that, up to its whole size (ADR 41). What it says of its
/// size is only its word. A failure of its own sets it back to the start. Its owner's own tasks are not counted.
/// </summary>
/// <param name="most">The most that one may start with (`Nodes:SlowStart`); 0: no limit at all.</param>
public sealed class SlowStart(int most)
{
    /// <summary>So that one lost task is not all that a small machine gets.</summary>
    public const int Fewest = 2;

    /// <summary>What `Earned` is before anything was earned, or after a failure: the start, by what it lends then.</summary>
    public const int Nothing = 0;

    /// <summary>Tasks are charged a tenth of a core at least: more than ten on a core are no measure of its size.</summary>
    private const int PerCore = 10;

    /// <summary>What is stored of a node: null is one that has shown what it can, or was there before this was counted.</summary>
    public int? Earned { get; set; }

    /// <summary>How many tasks of others it may hold; null: as many as fit.</summary>
    public int? Share(NodeCapabilities lends) => most == 0 ? null : Earned switch
    {
        null => null,
        Nothing => Math.Clamp((int)Math.Min(lends.CpuCores, most), Fewest, Math.Max(Fewest, most)),
        var earned => earned,
    };

    /// <summary>A task of another than its owner completed.</summary>
    public void Succeeded(NodeCapabilities lends)
    {
        if (Share(lends) is not { } share) return;
        Earned = 2L * share >= Math.Max(1, lends.CpuCores) * PerCore ? null : 2 * share;
    }

    /// <summary>It failed one by its own fault, whoever's that was.</summary>
    public void Failed()
    {
        if (most > 0) Earned = Nothing;
    }
}

using Orleans.Concurrency;
using Orleans.Runtime;

namespace HiveMind.Monitoring;

/// <summary>One for each silo, keyed by its address and living on it: what another silo asks of it.</summary>
[Alias("HiveMind.IPeerGrain")]
public interface IPeerGrain : IGrainWithStringKey
{
    /// <summary>
    /// A silo that cannot reach the state store asks one that can to take it out of the pool, so that its grains live elsewhere. False when this one cannot either: then
    /// it is the state store that is away, and nobody leaves.
    /// </summary>
    [Alias("TakeOver"), AlwaysInterleave] Task<bool> TakeOver(SiloAddress cut);
}

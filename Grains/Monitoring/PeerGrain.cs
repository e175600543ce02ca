using HiveMind.Storage;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;

namespace HiveMind.Monitoring;

/// <summary>Owns nothing: it answers for the silo on which it is.</summary>
[GrainType("peer")]
public sealed partial class PeerGrain(ILocalSiloDetails here, IClusterMembershipService membership, IStoreVerdict stores, ILogger<PeerGrain> log) : Grain, IPeerGrain
{
    public async Task<bool> TakeOver(SiloAddress cut)
    {
        if (here.SiloAddress.ToParsableString() != this.GetPrimaryKeyString())
        {
            DeactivateOnIdle(); // it was put where it does not belong
            return false;
        }

        if (here.SiloAddress.Equals(cut) || !await stores.CanWrite()) return false;
        LogTaken(log, cut);
        return await membership.TryKill(cut);
    }

    [LoggerMessage(1, LogLevel.Warning, "Silo {Silo} cannot reach the state store and this one can: it leaves the pool")]
    private static partial void LogTaken(ILogger logger, SiloAddress silo);
}

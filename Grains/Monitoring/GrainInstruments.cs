using HiveMind.Nodes;
using HiveMind.Scheduling;
using HiveMind.Tasks;
using HiveMind.Users;

namespace HiveMind.Monitoring;

/// <summary>All instruments of the grains.</summary>
public static class GrainInstruments
{
    /// <summary>Makes them known, counters at 0, before anything happens. Call once somebody listens.</summary>
    public static void Announce()
    {
        TaskInstruments.Announce();
        NodeInstruments.Announce();
        SchedulingInstruments.Announce();
        SweepInstruments.Announce();
        AccountInstruments.Announce();
    }
}

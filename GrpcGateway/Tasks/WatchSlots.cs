using HiveMind.Edge;

namespace HiveMind.Tasks;

/// <summary>How many may watch at the same time: each watch costs a few small questions a second for as long as it lasts.</summary>
internal sealed class WatchSlots() : StreamSlots(PerUser, PerSilo, "TOO_MANY_WATCHES", "watches")
{
    public const int PerUser = 100, PerSilo = 2000;
}

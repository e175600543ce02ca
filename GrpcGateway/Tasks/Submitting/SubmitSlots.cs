using HiveMind.Edge;

namespace HiveMind.Tasks;

/// <summary>How many may submit by stream at the same time: each holds two batches in memory.</summary>
internal sealed class SubmitSlots() : StreamSlots(PerUser, PerSilo, "TOO_MANY_SUBMIT_STREAMS", "streams of submits")
{
    public const int PerUser = 8, PerSilo = 64;
}

using HiveMind.Users;
using Orleans.Concurrency;

namespace HiveMind.Nodes;

[GenerateSerializer, Alias("HiveMind.NodeRegistration"), Immutable]
public sealed record NodeRegistration(
    [property: Id(0)] Caller Caller, [property: Id(1)] string NodeType, [property: Id(2)] string Hostname, [property: Id(3)] int Port,
    [property: Id(4)] NodeCapabilities Capabilities)
{
    /// <summary>Tells machines of one host name apart; empty: not said, whichever machine it is.</summary>
    [Id(5)] public string MachineId { get; init; } = "";
}

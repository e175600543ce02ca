namespace HiveMind.Users;

/// <summary>Where a call comes from: its address, and what the client says it is (a few plain characters).</summary>
[GenerateSerializer, Alias("HiveMind.CallOrigin"), Immutable]
public sealed record CallOrigin([property: Id(0)] string Address = "", [property: Id(1)] string Client = "");

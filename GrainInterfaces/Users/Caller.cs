using Orleans.Concurrency;

namespace HiveMind.Users;

/// <summary>Who calls, as established by the gateway's session check.</summary>
[GenerateSerializer, Alias("HiveMind.Caller"), Immutable]
public sealed record Caller([property: Id(0)] string UserId, [property: Id(1)] string Username, [property: Id(2)] string Role)
{
    /// <summary>Where the call came from; empty: not over a connection of ours.</summary>
    [Id(3)] public string Address { get; init; } = "";
    /// <summary>The admin who acts as this account; empty: it acts itself.</summary>
    [Id(4)] public string ActingAdmin { get; init; } = "";
    /// <summary>An admin made its password: nothing else is done before it is changed.</summary>
    [Id(5)] public bool MustChangePassword { get; init; }

    public bool IsAdmin => Role == Roles.Admin;
}

using HiveMind.Users;

namespace HiveMind.Auditing;

/// <summary>Who acts: an account's id (an admin's own, also where they act for another), a node's, or the hub's; and from which address.</summary>
[GenerateSerializer, Alias("HiveMind.Actor"), Immutable]
public sealed record Actor([property: Id(0)] string Id, [property: Id(1)] string Address = "")
{
    /// <summary>The pool itself, without anybody asking.</summary>
    public static readonly Actor Hub = new("hub");
    /// <summary>Whoever has a shell on the hub's machine.</summary>
    public static readonly Actor Operator = new("operator", "local");

    public static Actor Of(Caller caller) => new(caller.ActingAdmin.Length > 0 ? caller.ActingAdmin : caller.UserId, caller.Address);
}

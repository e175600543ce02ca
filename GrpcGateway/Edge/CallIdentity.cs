using Grpc.Core;
using HiveMind.Nodes;
using HiveMind.Users;
using Microsoft.AspNetCore.Http;

namespace HiveMind.Edge;

/// <summary>
/// Who makes the call. A user call has a caller and somebody it acts for: the same, or whom an admin named by `user_id`. A node call
/// has the node. Only session calls have a session. Before the message is read nobody is acted for yet.
/// </summary>
internal sealed record CallIdentity(Caller? Caller = null, Caller? Acting = null, NodeIdentity? Node = null, SessionToken? Token = null)
{
    private static readonly object Key = new();

    public static void Set(HttpContext http, CallIdentity identity) => http.Items[Key] = identity;

    public static void Set(ServerCallContext context, CallIdentity identity) => context.UserState[Key] = identity;

    public static CallIdentity? Find(ServerCallContext context) => context.UserState.TryGetValue(Key, out var identity) ? (CallIdentity)identity : null;

    public static CallIdentity Of(ServerCallContext context) => Find(context) ?? throw HiveMindException.Unauthenticated();
}

/// <summary>A user call, as endpoints see it.</summary>
internal sealed record UserCall(Caller Caller, Caller Acting, SessionToken? Session)
{
    public static UserCall Of(ServerCallContext context) => CallIdentity.Of(context) is { Caller: { } caller, Acting: { } acting } call
        ? new UserCall(caller, acting, call.Token)
        : throw HiveMindException.Unauthenticated();

    /// <summary>May see what belongs to that user.</summary>
    public bool Sees(string ownerId) => Caller.IsAdmin || Acting.UserId == ownerId;
}

/// <summary>A node call, as endpoints see it.</summary>
internal static class NodeCall
{
    public static NodeIdentity Of(ServerCallContext context) => CallIdentity.Of(context).Node ?? throw HiveMindException.Unauthenticated();
}

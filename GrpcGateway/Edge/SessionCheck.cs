using HiveMind.Users;

namespace HiveMind.Edge;

/// <summary>The seam where a cache with pushed revocation would sit. Throws Unauthenticated.</summary>
internal interface ISessionCheck
{
    Task<Caller> Check(SessionToken token);
}

/// <summary>Asks the account's own grain every time: a revoked session is refused at once, on every silo.</summary>
internal sealed class GrainSessionCheck(IGrainFactory grains) : ISessionCheck
{
    public Task<Caller> Check(SessionToken token) => grains.GetGrain<IUserGrain>(token.Subject).CheckSession(token.SessionId, token.SecretHash);
}

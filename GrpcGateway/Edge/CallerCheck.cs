using HiveMind.Nodes;
using HiveMind.Storage;
using HiveMind.Users;
using Microsoft.AspNetCore.Http;

namespace HiveMind.Edge;

/// <summary>
/// Says who calls by the headers alone, before a byte of the body is read: garbage by its tag, then the caller's rate, then the session or the node
/// token by its grain. For whom a user call acts stands in its message, and is the interceptor's question.
/// </summary>
internal sealed class CallerCheck(IGrainFactory grains, IPoolDatabase database, CallRates rates, ISessionCheck sessions, HubOptions options)
{
    /// <summary>Null where the method or the mode asks for no token. Throws what the caller is told.</summary>
    public async ValueTask<CallIdentity?> Identify(HttpContext http, RpcRule rule)
    {
        var header = http.Request.Headers.Authorization;
        var bearer = BearerToken.Read(header.Count == 0 ? null : header.ToString(), database);
        var isOpen = options.Auth.Mode == AuthMode.Open && !bearer.Given && rule.Who is RpcPolicy.User or RpcPolicy.UserOrNode;
        if (rule.Who != RpcPolicy.Anonymous && bearer.Token is null && !isOpen) throw HiveMindException.Unauthenticated();
        if (rule.IsRateLimited) rates.Take(KeyOf(bearer.Token, http));
        if (rule.Who == RpcPolicy.Anonymous || bearer.Token is not { } token) return null;
        var identity = await Identify(token, rule.Who);
        return identity.Caller is { MustChangePassword: true } && !RpcPolicies.IsOpenBeforePasswordChange(http.Request.Path)
            ? throw HiveMindException.Precondition("PASSWORD_CHANGE_NEEDED", "An admin made this password: set a new one first (hivemind password).")
            : identity;
    }

    /// <summary>The same question again, for a call that lasts.</summary>
    public async ValueTask<CallIdentity> Identify(SessionToken token, RpcPolicy policy) => token.Prefix switch
    {
        SessionToken.SessionPrefix => await BySession(token, policy),
        SessionToken.NodePrefix => await ByNodeToken(token, policy),
        _ => throw HiveMindException.Unauthenticated(),
    };

    /// <summary>Whose budgets a call is counted in: the subject of a token whose tag is ours, else the address.</summary>
    public static string KeyOf(SessionToken? token, HttpContext http) =>
        token is null ? CallRates.ForAddress(http.Connection.RemoteIpAddress) : $"{token.Prefix}:{token.Subject}";

    private async Task<CallIdentity> BySession(SessionToken token, RpcPolicy policy)
    {
        var caller = await sessions.Check(token);
        if (policy == RpcPolicy.Node) throw HiveMindException.Denied("NODE_TOKEN_NEEDED", "Only a node may call this, with its node token.");
        if (policy == RpcPolicy.Admin && !caller.IsAdmin) throw HiveMindException.Denied("ADMIN_ONLY", "Only an admin may call this.");
        return new CallIdentity(caller, Token: token);
    }

    private async Task<CallIdentity> ByNodeToken(SessionToken token, RpcPolicy policy)
    {
        var node = await grains.GetGrain<INodeGrain>(token.Subject).CheckToken(token.SecretHash);
        if (policy is RpcPolicy.User or RpcPolicy.Admin) throw HiveMindException.Denied("SESSION_NEEDED", "A node token is good for its node's work only.");
        return new CallIdentity(Node: node, Token: token);
    }
}

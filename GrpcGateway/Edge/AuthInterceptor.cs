using Grpc.Core;
using Grpc.Core.Interceptors;
using HiveMind.Nodes;
using HiveMind.Storage;
using HiveMind.Users;

namespace HiveMind.Edge;

/// <summary>
/// Says who calls, by the policy of the method, before anything of ours runs. Identity comes from the token; a `user_id` in the request
/// may only repeat it, unless an admin acts for somebody else.
/// </summary>
internal sealed class AuthInterceptor(IGrainFactory grains, IBooks books, ActingAccounts accounts, ISessionCheck sessions, HubOptions options) : Interceptor
{
    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        await Identify(RequestUserId.Of(request), context);
        return await continuation(request, context);
    }

    public override async Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        await Identify(RequestUserId.Of(request), context);
        await continuation(request, responseStream, context);
    }

    public override async Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, ServerCallContext context, ClientStreamingServerMethod<TRequest, TResponse> continuation)
    {
        await Identify("", context);
        return await continuation(requestStream, context);
    }

    public override async Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, IServerStreamWriter<TResponse> responseStream, ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation)
    {
        await Identify("", context);
        await continuation(requestStream, responseStream, context);
    }

    private async Task Identify(string userId, ServerCallContext context)
    {
        var policy = RpcPolicies.Find(context.Method) ?? throw HiveMindException.Denied("NO_POLICY", "Nobody may call this method.");
        if (policy == RpcPolicy.Anonymous) return;
        var bearer = BearerToken.Of(context, books);
        CallIdentity.Set(context, bearer switch
        {
            { Token.Prefix: SessionToken.SessionPrefix } => await BySession(bearer.Token, policy, userId),
            { Token.Prefix: SessionToken.NodePrefix } => await ByNodeToken(bearer.Token, policy),
            { Given: false } when options.Auth.Mode == AuthMode.Open && policy != RpcPolicy.Node => await ByName(userId, context),
            _ => throw HiveMindException.Unauthenticated(),
        });
    }

    private async Task<CallIdentity> BySession(SessionToken token, RpcPolicy policy, string userId)
    {
        var caller = await sessions.Check(token);
        if (policy == RpcPolicy.Node) throw HiveMindException.Denied("NODE_TOKEN_NEEDED", "Only a node may call this, with its node token.");
        return new CallIdentity(caller, await accounts.For(caller, userId), Token: token);
    }

    private async Task<CallIdentity> ByNodeToken(SessionToken token, RpcPolicy policy)
    {
        var node = await grains.GetGrain<INodeGrain>(token.Subject).CheckToken(token.SecretHash);
        if (policy == RpcPolicy.User) throw HiveMindException.Denied("SESSION_NEEDED", "A node token is good for its node's work only.");
        return new CallIdentity(Node: node, Token: token);
    }

    private async Task<CallIdentity> ByName(string userId, ServerCallContext context)
    {
        var account = await accounts.Named(userId, context.CancellationToken);
        return new CallIdentity(account, account);
    }
}

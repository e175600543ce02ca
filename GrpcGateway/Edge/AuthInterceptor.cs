using Grpc.Core;
using Grpc.Core.Interceptors;
using HiveMind.Auditing;
using HiveMind.Users;

namespace HiveMind.Edge;

/// <summary>
/// Says for whom a call acts, before anything of ours runs. Who calls was told before the body was read; a `user_id` in the request may only repeat
/// it, unless an admin acts for somebody else.
/// </summary>
internal sealed class AuthInterceptor(ActingAccounts accounts, IAuditTally audit, HubOptions options) : Interceptor
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
        var rule = RpcPolicies.Find(context.Method) ?? throw HiveMindException.Denied("NO_POLICY", "Nobody may call this method.");
        if (rule.Who == RpcPolicy.Anonymous) return;
        CallIdentity.Set(context, CallIdentity.Find(context) switch
        {
            { Node: not null } node => node,
            { Caller: { } caller } known => await Acting(known, caller with { Address = CallAddress.Of(context) }, userId, context.Method),
            null when options.Auth.Mode == AuthMode.Open && rule.Who is RpcPolicy.User or RpcPolicy.UserOrNode => await ByName(userId, context),
            _ => throw HiveMindException.Unauthenticated(),
        });
    }

    /// <summary>An admin who acts for another is noted before anything is done.</summary>
    private async Task<CallIdentity> Acting(CallIdentity known, Caller caller, string userId, string method)
    {
        var acting = await accounts.For(caller, userId);
        if (acting.ActingAdmin.Length > 0) await audit.Note(new(Actor.Of(acting), AuditActions.ActedFor, acting.UserId, After: method));
        return known with { Caller = caller, Acting = acting };
    }

    private async Task<CallIdentity> ByName(string userId, ServerCallContext context)
    {
        var account = await accounts.Named(userId, context.CancellationToken) with { Address = CallAddress.Of(context) };
        return new CallIdentity(account, account);
    }
}

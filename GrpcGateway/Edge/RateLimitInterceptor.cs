using Grpc.Core;
using Grpc.Core.Interceptors;
using HiveMind.Storage;

namespace HiveMind.Edge;

/// <summary>
/// The rate of each caller's unary calls: by the subject of a token whose tag is ours, else by address. It stands before the session
/// check, so that a flood wakes no grain.
/// </summary>
internal sealed class RateLimitInterceptor(IBooks books, CallRates rates) : Interceptor
{
    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        if (RpcPolicies.IsRateLimited(context.Method)) rates.Take(KeyOf(context));
        return continuation(request, context);
    }

    private string KeyOf(ServerCallContext context) => BearerToken.Of(context, books).Token is { } token
        ? $"{token.Prefix}:{token.Subject}"
        : CallRates.ForAddress(context.GetHttpContext().Connection.RemoteIpAddress?.ToString());
}

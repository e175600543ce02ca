using Grpc.Core;
using Grpc.Core.Interceptors;

namespace HiveMind.Cli;

/// <summary>Puts the caller's token on every call, and a deadline on every unary one that brings none.</summary>
internal sealed class CallDefaults(Func<string?> token, TimeProvider time) : Interceptor
{
    /// <summary>Long enough for 100 MiB on a slow line, short enough that a hung hub is noticed.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
        TRequest request, ClientInterceptorContext<TRequest, TResponse> context, AsyncUnaryCallContinuation<TRequest, TResponse> continuation)
    {
        var named = WithToken(context);
        var options = named.Options.Deadline is null ? named.Options.WithDeadline(time.GetUtcNow().UtcDateTime + Patience) : named.Options;
        return continuation(request, new ClientInterceptorContext<TRequest, TResponse>(context.Method, context.Host, options));
    }

    // Streams have no deadline: they last as long as what they carry.
    public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
        TRequest request, ClientInterceptorContext<TRequest, TResponse> context,
        AsyncServerStreamingCallContinuation<TRequest, TResponse> continuation) => continuation(request, WithToken(context));

    public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(
        ClientInterceptorContext<TRequest, TResponse> context, AsyncClientStreamingCallContinuation<TRequest, TResponse> continuation) =>
        continuation(WithToken(context));

    public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(
        ClientInterceptorContext<TRequest, TResponse> context, AsyncDuplexStreamingCallContinuation<TRequest, TResponse> continuation) =>
        continuation(WithToken(context));

    private ClientInterceptorContext<TRequest, TResponse> WithToken<TRequest, TResponse>(ClientInterceptorContext<TRequest, TResponse> context)
        where TRequest : class where TResponse : class
    {
        var headers = context.Options.Headers ?? [];
        if (token() is { Length: > 0 } value && headers.Get("authorization") is null)
        {
            headers.Add("authorization", $"Bearer {value}");
        }

        return new ClientInterceptorContext<TRequest, TResponse>(context.Method, context.Host, context.Options.WithHeaders(headers));
    }
}

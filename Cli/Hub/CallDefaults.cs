using Grpc.Core;
using Grpc.Core.Interceptors;

namespace HiveMind.Cli;

/// <summary>Puts the caller's token and a deadline on every unary call that brings none.</summary>
internal sealed class CallDefaults(Func<string?> token, TimeProvider time) : Interceptor
{
    /// <summary>Long enough for 100 MiB on a slow line, short enough that a hung hub is noticed.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
        TRequest request, ClientInterceptorContext<TRequest, TResponse> context, AsyncUnaryCallContinuation<TRequest, TResponse> continuation)
    {
        var headers = context.Options.Headers ?? [];
        if (token() is { Length: > 0 } value && headers.Get("authorization") is null)
        {
            headers.Add("authorization", $"Bearer {value}");
        }

        var options = context.Options.WithHeaders(headers);
        if (options.Deadline is null)
        {
            options = options.WithDeadline(time.GetUtcNow().UtcDateTime + Patience);
        }

        return continuation(request, new ClientInterceptorContext<TRequest, TResponse>(context.Method, context.Host, options));
    }
}

using Grpc.Core;
using Grpc.Core.Interceptors;

namespace HiveMind.Edge;

/// <summary>The outermost: whatever a call throws leaves as a status of the contract. A stream that the hub ended says so however its method left it.</summary>
internal sealed class ErrorInterceptor(CallFailures failures) : Interceptor
{
    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        try { return await continuation(request, context); }
        catch (Exception e) { throw failures.Translate(e, context); }
    }

    public override async Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            await continuation(request, responseStream, context);
            OpenCall.Of(context)?.ThrowIfEnded();
        }
        catch (Exception e) { throw failures.Translate(e, context); }
    }

    public override async Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, ServerCallContext context, ClientStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            var response = await continuation(requestStream, context);
            OpenCall.Of(context)?.ThrowIfEnded();
            return response;
        }
        catch (Exception e) { throw failures.Translate(e, context); }
    }

    public override async Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, IServerStreamWriter<TResponse> responseStream, ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            await continuation(requestStream, responseStream, context);
            OpenCall.Of(context)?.ThrowIfEnded();
        }
        catch (Exception e) { throw failures.Translate(e, context); }
    }
}

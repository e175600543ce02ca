using Grpc.Core;
using Grpc.Core.Interceptors;

namespace HiveMind.Edge;

/// <summary>Asks again for every batch of a stream that submits: it may be open for hours. Other calls were asked before their body was read.</summary>
internal sealed class StoreInterceptor(StoreGate gate) : Interceptor
{
    public override Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, IServerStreamWriter<TResponse> responseStream, ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation) =>
        continuation(StoreGate.IsSubmit(context.Method) ? new Checked<TRequest>(requestStream, () => gate.Check(context.Method)) : requestStream, responseStream, context);

    private sealed class Checked<T>(IAsyncStreamReader<T> reader, Action check) : IAsyncStreamReader<T>
    {
        public T Current => reader.Current;

        public async Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            var more = await reader.MoveNext(cancellationToken);
            if (more) check();
            return more;
        }
    }
}

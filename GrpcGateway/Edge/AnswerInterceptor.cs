using Google.Protobuf;
using Grpc.Core;
using Grpc.Core.Interceptors;

namespace HiveMind.Edge;

/// <summary>A single answer that is not small needs room until it was read: gRPC keeps all of it for as long as the caller opens no window for it.</summary>
internal sealed class AnswerInterceptor(EdgeBudgets budgets) : Interceptor
{
    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        var answer = await continuation(request, context);
        if (answer is IMessage message && message.CalculateSize() is > Limits.SmallAnswerBytes and var bytes) await OpenCall.HoldAnswer(context, budgets.Lists, bytes);
        return answer;
    }
}

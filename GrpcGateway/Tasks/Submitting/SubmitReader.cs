using System.Runtime.InteropServices;
using Google.Protobuf;
using Grpc.Core;
using HiveMind.Edge;
using Wire = HiveMind.Protos;

namespace HiveMind.Tasks;

/// <summary>
/// Reads SubmitTask's request without a second copy of its program: protobuf's parser copies it out of the message, here it stays where the message
/// came together. It is there until the call is over, as long as anybody of the call reads it.
/// </summary>
internal static class SubmitReader
{
    private static readonly uint ProgramTag = WireFormat.MakeTag(Wire.SubmitTaskRequest.TaskDataFieldNumber, WireFormat.WireType.LengthDelimited);

    /// <summary>As generated, but with that one method's request read so.</summary>
    public static void Bind(ServiceBinderBase binder, Wire.MasterNodeService.MasterNodeServiceBase service) =>
        Wire.MasterNodeService.BindService(new Binder(binder), service);

    /// <summary>What the generated parser makes of these bytes; it also has the last word on what is no such message.</summary>
    public static Wire.SubmitTaskRequest Read(ArraySegment<byte> message) =>
        message.Count > Limits.OrdinaryBytes && TryRead(message) is { } request ? request : Wire.SubmitTaskRequest.Parser.ParseFrom(message.AsSpan());

    private static Wire.SubmitTaskRequest Read(DeserializationContext context)
    {
        var payload = context.PayloadAsReadOnlySequence();
        return payload.IsSingleSegment && MemoryMarshal.TryGetArray(payload.First, out var message) ? Read(message) : Wire.SubmitTaskRequest.Parser.ParseFrom(payload);
    }

    /// <summary>Merges what stands before, between and behind the program's field: parts of a message are messages, and the last value of a field counts.</summary>
    private static Wire.SubmitTaskRequest? TryRead(ArraySegment<byte> message)
    {
        var request = new Wire.SubmitTaskRequest();
        var program = ByteString.Empty;
        var (array, at, end) = (message.Array!, message.Offset, message.Offset + message.Count);
        try
        {
            while (at < end)
            {
                using var input = new CodedInputStream(array, at, end - at);
                var field = at;
                var tag = input.ReadTag();
                while (tag != 0 && tag != ProgramTag)
                {
                    input.SkipLastField();
                    field = (int)input.Position;
                    tag = input.ReadTag();
                }

                request.MergeFrom(array.AsSpan(at, field - at));
                if (tag == 0) break;
                var length = input.ReadLength();
                at = (int)input.Position;
                if (length < 0 || length > end - at) return null;
                program = UnsafeByteOperations.UnsafeWrap(array.AsMemory(at, length));
                at += length;
            }
        }
        catch (InvalidProtocolBufferException)
        {
            return null;
        }

        request.TaskData = program;
        return request;
    }

    private sealed class Binder(ServiceBinderBase generated) : ServiceBinderBase
    {
        public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler) => generated.AddMethod(
            method is Method<Wire.SubmitTaskRequest, TResponse> submit
                ? (Method<TRequest, TResponse>)(object)new Method<Wire.SubmitTaskRequest, TResponse>(submit.Type, submit.ServiceName, submit.Name,
                    Marshallers.Create<Wire.SubmitTaskRequest>(submit.RequestMarshaller.ContextualSerializer, Read), submit.ResponseMarshaller)
                : method, handler);

        public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, ClientStreamingServerMethod<TRequest, TResponse>? handler) =>
            generated.AddMethod(method, handler);

        public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse>? handler) =>
            generated.AddMethod(method, handler);

        public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse>? handler) =>
            generated.AddMethod(method, handler);
    }
}

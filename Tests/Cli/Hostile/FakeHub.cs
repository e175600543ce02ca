using System.Buffers.Binary;
using System.Net;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Grpc.Health.V1;
using HiveMind.Protos;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace HiveMind.Tests.Cli;

/// <summary>
/// What answers on a hub's port and is none: every method of every service, also those that are still to come, answers what a test makes of its request.
/// </summary>
internal sealed class FakeHub : IAsyncDisposable
{
    private static readonly Dictionary<string, MethodDescriptor> Methods = NodepoolReflection.Descriptor.Services.Concat(HealthReflection.Descriptor.Services)
        .SelectMany(service => service.Methods).ToDictionary(method => $"/{method.Service.FullName}/{method.Name}");

    private readonly WebApplication _app;

    private FakeHub(WebApplication app) => _app = app;

    public delegate IEnumerable<IMessage> Answer(MethodDescriptor method, IMessage request);

    public Uri Address { get; private set; } = null!;
    /// <summary>An RpcException of it is what the caller gets.</summary>
    public Answer Answers { get; set; } = (_, _) => [];

    public static async Task<FakeHub> Start()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        var app = builder.Build();
        var hub = new FakeHub(app);
        app.Run(hub.Serve);
        await app.StartAsync();
        hub.Address = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
        return hub;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task Serve(HttpContext http)
    {
        http.Response.ContentType = "application/grpc";
        http.Response.DeclareTrailer("grpc-status");
        var method = Methods[http.Request.Path];
        await http.Response.StartAsync();
        await http.Response.Body.FlushAsync();
        try
        {
            IMessage? first = null;
            while (await Read(http.Request.Body, method.InputType) is { } request)
            {
                first ??= request;
                // A call whose requests are a stream and whose answer is none is answered at its end.
                if (!method.IsClientStreaming || method.IsServerStreaming) await Write(http.Response, Answers(method, request));
            }

            if (method is { IsClientStreaming: true, IsServerStreaming: false }) await Write(http.Response, Answers(method, first!));
            http.Response.AppendTrailer("grpc-status", "0");
        }
        catch (RpcException refused)
        {
            http.Response.AppendTrailer("grpc-status", $"{(int)refused.StatusCode}");
            http.Response.AppendTrailer("grpc-message", Uri.EscapeDataString(refused.Status.Detail));
            foreach (var trailer in refused.Trailers) http.Response.AppendTrailer(trailer.Key, trailer.IsBinary ? Convert.ToBase64String(trailer.ValueBytes) : trailer.Value);
        }
    }

    private static async Task<IMessage?> Read(Stream body, MessageDescriptor type)
    {
        var head = new byte[5];
        if (await body.ReadAtLeastAsync(head, 5, throwOnEndOfStream: false) < 5) return null;
        var bytes = new byte[BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(1))];
        await body.ReadExactlyAsync(bytes);
        return type.Parser.ParseFrom(bytes);
    }

    private static async Task Write(HttpResponse response, IEnumerable<IMessage> messages)
    {
        foreach (var message in messages)
        {
            var bytes = new byte[5 + message.CalculateSize()];
            BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(1), bytes.Length - 5);
            message.WriteTo(bytes.AsSpan(5));
            await response.Body.WriteAsync(bytes);
            await response.Body.FlushAsync();
        }
    }
}

/// <summary>Messages of any type with something in each field.</summary>
internal sealed class Filler(Func<FieldDescriptor, string> text)
{
    public T Fill<T>() where T : IMessage, new()
    {
        var message = new T();
        Fill(message, 0);
        return message;
    }

    public IMessage Fill(MessageDescriptor type)
    {
        var message = type.Parser.ParseFrom(ReadOnlySpan<byte>.Empty);
        Fill(message, 0);
        return message;
    }

    private void Fill(IMessage message, int index)
    {
        foreach (var field in message.Descriptor.Fields.InFieldNumberOrder())
        {
            if (field.IsMap) ((System.Collections.IDictionary)field.Accessor.GetValue(message)).Add(text(field), text(field));
            else if (field.IsRepeated) foreach (var at in Enumerable.Range(0, 2)) ((System.Collections.IList)field.Accessor.GetValue(message)).Add(One(field, at));
            else if (field.ContainingOneof is null) field.Accessor.SetValue(message, One(field, index));
        }
    }

    private object One(FieldDescriptor field, int index)
    {
        switch (field.FieldType)
        {
            case FieldType.Message:
                var message = field.MessageType.Parser.ParseFrom(ReadOnlySpan<byte>.Empty);
                Fill(message, index);
                return message;
            case FieldType.String: return text(field);
            case FieldType.Bytes: return ByteString.CopyFromUtf8(text(field));
            case FieldType.Enum: return field.Name == "state" ? (object)TaskState.Failed : Enum.ToObject(field.EnumType.ClrType, field.EnumType.Values[^1].Number);
            case FieldType.Bool: return true;
            case FieldType.Double: return 1.5;
            case FieldType.Int32: return index + 1;
            case FieldType.Int64: return 1L;
            default: throw new NotSupportedException($"{field.FullName}: {field.FieldType}");
        }
    }
}

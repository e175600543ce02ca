using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using System.Net;
using Google.Rpc;
using Grpc.Core;

namespace HiveMind.Tests.Gateway;

/// <summary>A gRPC call made by hand: any path, any headers, any bytes, where a client of the contract would not let one.</summary>
internal sealed class RawCall(HttpClient http, string address)
{
    public readonly record struct Answer(StatusCode Code, string Reason, TimeSpan? RetryAfter = null);

    public static HttpClient NewClient() => new(new SocketsHttpHandler
    {
        EnableMultipleHttp2Connections = false, InitialHttp2StreamWindowSize = 65_535, AutomaticDecompression = DecompressionMethods.None,
    });

    /// <summary>One gRPC frame. A packed one is gzip unless its bytes are given as they are.</summary>
    public static byte[] Frame(ReadOnlySpan<byte> message, bool isPacked = false)
    {
        var frame = new byte[5 + message.Length];
        frame[0] = isPacked ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(1), (uint)message.Length);
        message.CopyTo(frame.AsSpan(5));
        return frame;
    }

    public static byte[] Gzip(ReadOnlySpan<byte> plain) => Pack(plain, to => new GZipStream(to, CompressionLevel.Fastest, leaveOpen: true));

    public static byte[] Deflate(ReadOnlySpan<byte> plain) => Pack(plain, to => new ZLibStream(to, CompressionLevel.Fastest, leaveOpen: true));

    public async Task<Answer> Send(string path, byte[] body, string? token = null, string? encoding = null, CancellationToken cancel = default) =>
        await Send(path, new ByteArrayContent(body), token, encoding, cancel);

    public async Task<Answer> Send(string path, HttpContent body, string? token = null, string? encoding = null, CancellationToken cancel = default)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, address.TrimEnd('/') + path)
        {
            Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Content = body,
        };
        request.Content.Headers.TryAddWithoutValidation("content-type", "application/grpc");
        request.Headers.TryAddWithoutValidation("te", "trailers");
        if (token is not null) request.Headers.TryAddWithoutValidation("authorization", token);
        if (encoding is not null) request.Headers.TryAddWithoutValidation("grpc-encoding", encoding);
        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel);
        await response.Content.ReadAsByteArrayAsync(cancel);
        string? Header(string name) => response.TrailingHeaders.TryGetValues(name, out var trailer) ? trailer.First()
            : response.Headers.TryGetValues(name, out var header) ? header.First() : null;
        if (Header("grpc-status") is not { } code) throw new IOException($"HTTP {(int)response.StatusCode} without a status of gRPC");
        var details = Header("grpc-status-details-bin") is { Length: > 0 } packed ? Google.Rpc.Status.Parser.ParseFrom(Convert.FromBase64String(Padded(packed))) : null;
        return new((StatusCode)int.Parse(code, CultureInfo.InvariantCulture), details?.GetDetail<ErrorInfo>()?.Reason ?? "",
            details?.GetDetail<RetryInfo>()?.RetryDelay.ToTimeSpan());
    }

    private static string Padded(string base64) => base64.PadRight((base64.Length + 3) / 4 * 4, '=');

    private static byte[] Pack(ReadOnlySpan<byte> plain, Func<Stream, Stream> packer)
    {
        using var packed = new MemoryStream();
        using (var to = packer(packed)) to.Write(plain);
        return packed.ToArray();
    }
}

/// <summary>A body that begins and never ends, and counts what was taken of it.</summary>
internal sealed class EndlessBody(byte[] begin, byte[] more, TimeSpan pause = default) : HttpContent
{
    private long _taken;

    public long Taken => Interlocked.Read(ref _taken);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        for (var next = begin; ; next = more)
        {
            await stream.WriteAsync(next, cancellationToken);
            await stream.FlushAsync(cancellationToken);
            Interlocked.Add(ref _taken, next.Length);
            if (next.Length == 0 || pause == Timeout.InfiniteTimeSpan) await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
            else if (pause > TimeSpan.Zero) await Task.Delay(pause, cancellationToken);
        }
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }
}

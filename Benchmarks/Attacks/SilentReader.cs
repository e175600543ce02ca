using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using Google.Protobuf;

namespace HiveMind.Benchmarks;

/// <summary>
/// A connection of HTTP/2 in its bare frames, on which calls are opened and no answer is ever read: every stream gets a small window that is never
/// opened again. It answers pings and settings, so that nothing but the unread answers speaks against it. Not thread-safe.
/// </summary>
internal sealed class SilentReader : IDisposable
{
    private const byte Data = 0, Headers = 1, Reset = 3, Settings = 4, Ping = 6, GoAway = 7, Ack = 1, EndStream = 1, EndHeaders = 4;
    private const int InitialWindow = 4;

    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly SemaphoreSlim _writing = new(1);
    private readonly string _authority;
    private Task _listening = Task.CompletedTask;
    private int _nextStream = 1;
    private int _answering, _refused, _cut;

    private SilentReader(Uri address) => _authority = address.Authority;

    /// <summary>Calls whose answer has begun, that were ended without one, that were reset.</summary>
    public int Answering => Volatile.Read(ref _answering);
    public int Refused => Volatile.Read(ref _refused);
    public int Cut => Volatile.Read(ref _cut);
    public int Opened { get; private set; }
    /// <summary>Every call has been answered in one way or another, or the connection is over.</summary>
    public bool AllTold => _listening.IsCompleted || Answering + Refused >= Opened;

    /// <param name="address">Of the hub, http.</param>
    /// <param name="window">Bytes of each answer that it takes; no more ever.</param>
    /// <param name="cancel">Gives up.</param>
    public static async Task<SilentReader> Connect(string address, int window, CancellationToken cancel = default)
    {
        var uri = new Uri(address);
        var reader = new SilentReader(uri);
        await reader._socket.ConnectAsync(uri.Host, uri.Port, cancel);
        var setting = new byte[6];
        BinaryPrimitives.WriteUInt16BigEndian(setting, InitialWindow);
        BinaryPrimitives.WriteInt32BigEndian(setting.AsSpan(2), window);
        await reader.Send([.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, .. Frame(Settings, 0, 0, setting)], cancel);
        reader._listening = Task.Run(reader.Listen, CancellationToken.None);
        return reader;
    }

    /// <summary>Opens one call more and sends all of its request.</summary>
    public async Task Open(string path, string authorization, IMessage message, CancellationToken cancel = default)
    {
        var stream = _nextStream;
        _nextStream += 2;
        byte[] headers =
        [
            .. Header(":method", "POST"), .. Header(":scheme", "http"), .. Header(":path", path), .. Header(":authority", _authority),
            .. Header("content-type", "application/grpc"), .. Header("te", "trailers"), .. Header("authorization", authorization),
        ];
        var body = new byte[5 + message.CalculateSize()];
        BinaryPrimitives.WriteInt32BigEndian(body.AsSpan(1), body.Length - 5);
        message.WriteTo(body.AsSpan(5));
        Opened++;
        await Send([.. Frame(Headers, EndHeaders, stream, headers), .. Frame(Data, EndStream, stream, body)], cancel);
    }

    public void Dispose()
    {
        _socket.Dispose();
        _writing.Dispose();
    }

    private async Task Listen()
    {
        var head = new byte[9];
        var payload = new byte[1 << 17];
        var begun = new HashSet<int>();
        try
        {
            while (await Receive(head))
            {
                var length = (head[0] << 16) | (head[1] << 8) | head[2];
                if (length > payload.Length || !await Receive(payload.AsMemory(0, length))) return;
                var (type, flags, stream) = (head[3], head[4], BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(5)));
                switch (type)
                {
                    case Settings when (flags & Ack) == 0: await Send(Frame(Settings, Ack, 0, []), default); break;
                    case Ping when (flags & Ack) == 0: await Send(Frame(Ping, Ack, 0, payload.AsSpan(0, length)), default); break;
                    case Headers when begun.Add(stream): Interlocked.Increment(ref ((flags & EndStream) == 0 ? ref _answering : ref _refused)); break;
                    case Reset: Interlocked.Increment(ref (begun.Add(stream) ? ref _refused : ref _cut)); break;
                    case GoAway: return;
                    default: break;
                }
            }
        }
        catch (Exception closed) when (closed is SocketException or ObjectDisposedException or IOException)
        {
            // the hub has had enough, or the attack is over
        }
    }

    private async Task<bool> Receive(Memory<byte> into)
    {
        while (!into.IsEmpty)
        {
            var read = await _socket.ReceiveAsync(into);
            if (read == 0) return false;
            into = into[read..];
        }

        return true;
    }

    private async Task Send(byte[] bytes, CancellationToken cancel)
    {
        await _writing.WaitAsync(cancel);
        try
        {
            for (var at = 0; at < bytes.Length;) at += await _socket.SendAsync(bytes.AsMemory(at), cancel);
        }
        finally
        {
            _writing.Release();
        }
    }

    private static byte[] Frame(byte type, byte flags, int stream, ReadOnlySpan<byte> payload)
    {
        var frame = new byte[9 + payload.Length];
        (frame[0], frame[1], frame[2], frame[3], frame[4]) = ((byte)(payload.Length >> 16), (byte)(payload.Length >> 8), (byte)payload.Length, type, flags);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), stream);
        payload.CopyTo(frame.AsSpan(9));
        return frame;
    }

    /// <summary>HPACK in its plainest form: a literal, not indexed, name and value as they are.</summary>
    private static byte[] Header(string name, string value) => [0, .. Literal(name), .. Literal(value)];

    private static byte[] Literal(string text)
    {
        var bytes = Encoding.ASCII.GetBytes(text);
        if (bytes.Length < 127) return [(byte)bytes.Length, .. bytes];
        var length = new List<byte> { 127 };
        var rest = bytes.Length - 127;
        for (; rest >= 128; rest >>= 7) length.Add((byte)(rest | 128));
        return [.. length, (byte)rest, .. bytes];
    }
}

using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using HiveMind.Protos;

namespace HiveMind.Benchmarks;

/// <summary>What hostile clients do, each for some seconds, from an account of their own.</summary>
internal sealed class Attackers(GrpcChannel channel, string address, string token)
{
    /// <summary>Said when an attack begins.</summary>
    public const string Begun = "begun";

    private const string Submit = "/nodepool.masternodeservice/submittask", Upload = "/nodepool.MasterNodeService/UploadPayload", Login = "/nodepool.UserService/LoginUser";

    private static readonly (string Name, Func<Attackers, CancellationToken, Task> Run)[] All =
    [
        ("results, downloads and lists that are never read, 16 connections of 100 calls", (attackers, stop) => attackers.NeverRead(stop)),
        ("heartbeat bombs of 6 lent machines", (attackers, stop) => attackers.Bombs(stop)),
        ("gzip bombs at login, 55 MiB each, 30 at once", (attackers, stop) => attackers.GzipBombs(stop)),
        ("100 MiB half sent without a token, any case, 20 at once",
            (attackers, stop) => attackers.Many(20, stop, raw => raw.Send(Submit, new Endless([0, 6, 64, 0, 0], new byte[65_536]), null, null, stop))),
        ("100 MB inline submits, 20 at once", (attackers, stop) => attackers.LargeSubmits(stop)),
        ("uploads at a byte a second, 200", (attackers, stop) => attackers.SlowUploads(stop)),
        ("rapid reset, one connection after another", (attackers, stop) => attackers.RapidReset(stop)),
        ("5,000 idle connections", (attackers, stop) => attackers.Idle(stop)),
        ("150 bogus logins/s", (attackers, stop) => attackers.BogusLogins(stop)),
        ("GetSystemStats without end, 20 connections", (attackers, stop) => attackers.Many(
            20, stop, raw => raw.Send("/nodepool.MasterNodeService/GetSystemStats", new Given(Frame([])), attackers.Token, null, stop))),
    ];

    private readonly Metadata _me = new() { { "authorization", token } };

    private string Token => token;

    public static IEnumerable<string> Names => All.Select(attack => attack.Name);

    /// <summary>The attacker's process: its token comes by the standard input.</summary>
    public static async Task<int> Run(string name, string address, string seconds)
    {
        var token = await Console.In.ReadLineAsync() ?? "";
        using var channel = GrpcChannel.ForAddress(address);
        var attackers = new Attackers(channel, address, token);
        Console.WriteLine(Begun);
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(int.Parse(seconds, CultureInfo.InvariantCulture)));
        try { await All.First(attack => attack.Name == name).Run(attackers, stop.Token); }
        catch (Exception cut) when (cut is OperationCanceledException or RpcException or HttpRequestException or IOException) { }
        return 0;
    }

    private async Task NeverRead(CancellationToken stop)
    {
        var hub = new MasterNodeService.MasterNodeServiceClient(channel);
        var tasks = new List<string>();
        await using (var machine = await LentMachine.Lend(channel, _me, "with-outputs", types: "noop"))
        {
            foreach (var bytes in new[] { 3_500_000, 40_000_000 })
            {
                tasks.Add((await hub.SubmitTaskAsync(LentMachine.Noop(), _me)).TaskId);
                Assignment? given;
                while (!machine.Given.TryDequeue(out given)) await Task.Delay(20, stop);
                await machine.Complete(given, bytes);
                while ((await hub.GetTaskStatusAsync(new() { TaskId = tasks[^1] }, _me)).Status != "completed") await Task.Delay(20, stop);
            }
        }

        await BulkStream.Submit(hub, _me, 500, _ => LentMachine.Noop());
        var readers = new List<SilentReader>();
        try
        {
            for (var i = 0; i < 16; i++)
            {
                var reader = await SilentReader.Connect(address, i % 2 == 0 ? 0 : 65_535, stop);
                readers.Add(reader);
                for (var call = 0; call < 100; call++)
                {
                    if (i < 12) await reader.Open("/nodepool.MasterNodeService/ListTasks", token, new ListTasksRequest { PageSize = 500 }, stop);
                    else if (i < 14) await reader.Open("/nodepool.MasterNodeService/GetTaskResult", token, new GetTaskResultRequest { TaskId = tasks[0] }, stop);
                    else await reader.Open("/nodepool.MasterNodeService/DownloadResult", token, new DownloadResultRequest { TaskId = tasks[1] }, stop);
                }
            }

            await Task.Delay(Timeout.InfiniteTimeSpan, stop);
        }
        finally
        {
            Console.WriteLine($"answers begun {readers.Sum(r => r.Answering)}, refused {readers.Sum(r => r.Refused)}, cut {readers.Sum(r => r.Cut)} of {readers.Sum(r => r.Opened)}");
            foreach (var reader in readers) reader.Dispose();
        }
    }

    private async Task Bombs(CancellationToken stop)
    {
        var machines = new List<LentMachine>();
        try
        {
            for (var i = 0; i < 6; i++) machines.Add(await LentMachine.Lend(channel, _me, $"bomb-{i}", 4096, 1 << 26, beats: false, types: "noop"));
            await Task.WhenAll(machines.Select((machine, i) => (i % 3) switch
            {
                0 => HeartbeatBombs.Names(machine, stop),
                1 => HeartbeatBombs.Fast(machine, stop),
                _ => HeartbeatBombs.Starts(machine, stop),
            }));
        }
        finally
        {
            Console.WriteLine($"heartbeats answered {machines.Sum(m => m.Beats)}, starts answered {machines.Sum(m => m.Answers)}, streams ended {machines.Count(m => m.Ended is not null)}");
            foreach (var machine in machines) await machine.DisposeAsync();
        }
    }

    private Task GzipBombs(CancellationToken stop)
    {
        var bomb = Frame(Gzip(new byte[55 << 20]), packed: true);
        return Many(30, stop, raw => raw.Send(Login, new Given(bomb), null, "gzip", stop));
    }

    private async Task LargeSubmits(CancellationToken stop)
    {
        var program = UnsafeByteOperations.UnsafeWrap(RandomNumberGenerator.GetBytes(100_000_000));
        using var large = GrpcChannel.ForAddress(address, new GrpcChannelOptions { MaxSendMessageSize = null });
        var hub = new MasterNodeService.MasterNodeServiceClient(large);
        await Task.WhenAll(Enumerable.Range(0, 20).Select(async _ =>
        {
            try { await hub.SubmitTaskAsync(new() { TaskType = "python", TaskData = program }, _me, cancellationToken: stop); }
            catch (RpcException) { }
        }));
    }

    private Task SlowUploads(CancellationToken stop) => Many(200, stop, raw => raw.Send(
        Upload, new Endless(Frame(new UploadPayloadRequest { Header = new() { Size = 1 << 20, Sha256 = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32)) } }.ToByteArray()),
            Frame(new UploadPayloadRequest { Data = ByteString.CopyFrom(1) }.ToByteArray()), TimeSpan.FromSeconds(1)), token, null, stop));

    private Task RapidReset(CancellationToken stop) => Many(50, stop, async raw =>
    {
        using var soon = CancellationTokenSource.CreateLinkedTokenSource(stop);
        soon.CancelAfter(2);
        await raw.Send(Upload, new Endless([0, 0, 0], []), token, null, soon.Token);
    });

    private Task BogusLogins(CancellationToken stop) => Paced(150, stop, raw =>
        raw.Send(Login, new Given(Frame(new LoginUserRequest { Username = $"u{RandomNumberGenerator.GetInt32(1000)}", Password = "wrong password" }.ToByteArray())), null, null, stop));

    /// <summary>So many at the same time, again and again, each with a connection of its own.</summary>
    private Task Many(int number, CancellationToken stop, Func<RawSender, Task> call) => Task.WhenAll(Enumerable.Range(0, number).Select(async _ =>
    {
        while (!stop.IsCancellationRequested)
        {
            using var raw = new RawSender(address);
            await Once(raw, call);
            if (stop.IsCancellationRequested) return;
            for (var i = 0; i < 20 && !stop.IsCancellationRequested; i++) await Once(raw, call);
        }
    }));

    private async Task Paced(int perSecond, CancellationToken stop, Func<RawSender, Task> call)
    {
        using var raw = new RawSender(address);
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1.0 / perSecond));
        var open = new List<Task>();
        while (await timer.WaitForNextTickAsync(stop)) open.Add(Once(raw, call));
        await Task.WhenAll(open);
    }

    private static async Task Once(RawSender raw, Func<RawSender, Task> call)
    {
        try { await call(raw); }
        catch (Exception cut) when (cut is OperationCanceledException or HttpRequestException or IOException) { }
    }

    private async Task Idle(CancellationToken stop)
    {
        var sockets = new List<Socket>();
        try
        {
            for (var i = 0; i < 5000 && !stop.IsCancellationRequested; i++)
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                sockets.Add(socket);
                await socket.ConnectAsync(IPAddress.Loopback, new Uri(address).Port, stop);
            }
            await Task.Delay(Timeout.InfiniteTimeSpan, stop);
        }
        finally
        {
            foreach (var socket in sockets) socket.Dispose();
        }
    }

    private static byte[] Gzip(byte[] plain)
    {
        using var packed = new MemoryStream();
        using (var to = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true)) to.Write(plain);
        return packed.ToArray();
    }

    private static byte[] Frame(byte[] message, bool packed = false)
    {
        var frame = new byte[5 + message.Length];
        frame[0] = packed ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(1), (uint)message.Length);
        message.CopyTo(frame, 5);
        return frame;
    }

    /// <summary>One connection on which anything may be sent.</summary>
    private sealed class RawSender(string address) : IDisposable
    {
        private readonly HttpClient _http = new(new SocketsHttpHandler { EnableMultipleHttp2Connections = false });

        public async Task Send(string path, HttpContent body, string? token, string? encoding, CancellationToken stop)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, address + path)
            {
                Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Content = body,
            };
            body.Headers.TryAddWithoutValidation("content-type", "application/grpc");
            request.Headers.TryAddWithoutValidation("te", "trailers");
            if (token is not null) request.Headers.TryAddWithoutValidation("authorization", token);
            if (encoding is not null) request.Headers.TryAddWithoutValidation("grpc-encoding", encoding);
            using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseContentRead, stop);
        }

        public void Dispose() => _http.Dispose();
    }

    private sealed class Given(byte[] bytes) : ByteArrayContent(bytes);

    /// <summary>Begins, then goes on with the same again and again, or with nothing.</summary>
    private sealed class Endless(byte[] begin, byte[] more, TimeSpan pause = default) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            for (var next = begin; ; next = more)
            {
                await stream.WriteAsync(next, cancellationToken);
                await stream.FlushAsync(cancellationToken);
                if (more.Length == 0) await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
                if (pause > TimeSpan.Zero) await Task.Delay(pause, cancellationToken);
            }
        }

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}

using System.Buffers.Binary;
using System.Diagnostics;
using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using HiveMind.Protos;

namespace HiveMind.Benchmarks;

/// <summary>
/// Hostile clients one after the other, with the product's own settings, and beside them one that behaves: ten calls a second on a connection of its
/// own. Prints what the hub's memory came to and how long that client's calls took.
/// </summary>
internal sealed class AttackFigures(int seconds, string only) : BenchHub
{
    private const string Submit = "/nodepool.MasterNodeService/SubmitTask", Upload = "/nodepool.MasterNodeService/UploadPayload", Login = "/nodepool.UserService/LoginUser";

    private readonly List<(string Attack, long RestMb, long PeakMb, double P50, double P99, int Failed)> _rows = [];
    private Process _silo = null!;
    private string _address = "";
    private Metadata _me = [];
    private MasterNodeService.MasterNodeServiceClient _beside = null!;

    /// <param name="seconds">Each attack's.</param>
    /// <param name="only">Only those with that word in their name, and nothing beside them.</param>
    public static async Task<int> Run(int seconds, string only)
    {
        using var attacks = new AttackFigures(seconds, only);
        await attacks.Measure();
        return 0;
    }

    private async Task Measure()
    {
        // BenchHub lifts the rate limit: here it is what it is.
        (_silo, _address) = await StartSilo("--HiveMind:RateLimit:RequestsPerSecond=200", "--HiveMind:RateLimit:Burst=400");
        using var channel = GrpcChannel.ForAddress(_address);
        (_, _me) = await NewUser(channel, "beside");
        _beside = new(channel);
        var (_, attacker) = await NewUser(channel, "attacker");
        var token = attacker.GetValue("authorization")!;
        for (var i = 0; i < 50; i++) await Ask(); // the first of each meets cold code

        await Beside("nothing", stop => Task.Delay(TimeSpan.FromSeconds(seconds), stop));
        var bomb = Frame(Gzip(new byte[55 << 20]), packed: true);
        await Beside("results, downloads and lists that are never read, 16 connections of 100 calls", stop => NeverRead(channel, attacker, token, stop));
        await Beside("heartbeat bombs of 6 lent machines", stop => Bombs(channel, attacker, stop));
        await Beside("gzip bombs at login, 55 MiB each, 30 at once", stop => Many(30, stop, raw => raw.Send(Login, new Given(bomb), null, "gzip", stop)));
        await Beside("100 MiB half sent without a token, any case, 20 at once",
            stop => Many(20, stop, raw => raw.Send("/nodepool.masternodeservice/submittask", new Endless([0, 6, 64, 0, 0], new byte[65_536]), null, null, stop)));
        await Beside("100 MB inline submits, 20 at once", async stop =>
        {
            var program = UnsafeByteOperations.UnsafeWrap(RandomNumberGenerator.GetBytes(100_000_000));
            using var large = GrpcChannel.ForAddress(_address, new GrpcChannelOptions { MaxSendMessageSize = null });
            var hub = new MasterNodeService.MasterNodeServiceClient(large);
            await Task.WhenAll(Enumerable.Range(0, 20).Select(async _ =>
            {
                try { await hub.SubmitTaskAsync(new() { TaskType = "python", TaskData = program }, attacker, cancellationToken: stop); }
                catch (RpcException) { }
            }));
        });
        await Beside("uploads at a byte a second, 200", stop => Many(200, stop, raw => raw.Send(
            Upload, new Endless(Frame(new UploadPayloadRequest { Header = new() { Size = 1 << 20, Sha256 = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32)) } }.ToByteArray()),
                Frame(new UploadPayloadRequest { Data = ByteString.CopyFrom(1) }.ToByteArray()), TimeSpan.FromSeconds(1)), token, null, stop)));
        await Beside("rapid reset, one connection after another", stop => Many(50, stop, async raw =>
        {
            using var soon = CancellationTokenSource.CreateLinkedTokenSource(stop);
            soon.CancelAfter(2);
            await raw.Send(Upload, new Endless([0, 0, 0], []), token, null, soon.Token);
        }));
        await Beside("5,000 idle connections", Idle);
        await Beside("150 bogus logins/s", stop => Paced(150, stop, raw =>
            raw.Send(Login, new Given(Frame(new LoginUserRequest { Username = $"u{RandomNumberGenerator.GetInt32(1000)}", Password = "wrong password" }.ToByteArray())), null, null, stop)));
        await Beside("GetSystemStats without end, 20 connections", stop => Many(20, stop, raw => raw.Send("/nodepool.MasterNodeService/GetSystemStats", new Given(Frame([])), token, null, stop)));

        Console.WriteLine();
        Console.WriteLine("| attack | memory before, most (MiB) | beside: p50, p99 (ms) | failed |");
        Console.WriteLine("| --- | --- | --- | --- |");
        foreach (var row in _rows) Console.WriteLine($"| {row.Attack} | {row.RestMb}, {row.PeakMb} | {row.P50:F1}, {row.P99:F1} | {row.Failed} |");
    }

    private async Task NeverRead(GrpcChannel channel, Metadata attacker, string token, CancellationToken stop)
    {
        var hub = new MasterNodeService.MasterNodeServiceClient(channel);
        var tasks = new List<string>();
        await using (var machine = await LentMachine.Lend(channel, attacker, "with-outputs", types: "noop"))
        {
            foreach (var bytes in new[] { 3_500_000, 40_000_000 })
            {
                tasks.Add((await hub.SubmitTaskAsync(Noop(), attacker)).TaskId);
                Assignment? given;
                while (!machine.Given.TryDequeue(out given)) await Task.Delay(20, stop);
                await machine.Complete(given, bytes);
                while ((await hub.GetTaskStatusAsync(new() { TaskId = tasks[^1] }, attacker)).Status != "completed") await Task.Delay(20, stop);
            }
        }

        await BulkStream.Submit(hub, attacker, 500, _ => Noop());
        var readers = new List<SilentReader>();
        try
        {
            for (var i = 0; i < 16; i++)
            {
                var reader = await SilentReader.Connect(_address, i % 2 == 0 ? 0 : 65_535, stop);
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

    private async Task Bombs(GrpcChannel channel, Metadata attacker, CancellationToken stop)
    {
        var machines = new List<LentMachine>();
        try
        {
            for (var i = 0; i < 6; i++) machines.Add(await LentMachine.Lend(channel, attacker, $"bomb-{i}", 4096, 1 << 26, beats: false, types: "noop"));
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

    private static SubmitTaskRequest Noop() => new()
    {
        TaskType = "noop", TaskData = ByteString.CopyFromUtf8("1"), Requirements = new() { CpuCores = 0.1, MemoryMb = 16, TimeoutSeconds = 60 },
    };

    private async Task Beside(string attack, Func<CancellationToken, Task> run)
    {
        if (!attack.Contains(only, StringComparison.Ordinal) && attack != "nothing") return;
        var rest = ProcessMemory.ResetPeakKb(_silo) / 1024;
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
        var attacking = Task.Run(() => run(stop.Token), CancellationToken.None);
        var (took, failed) = (new List<double>(), 0);
        for (var until = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(until).TotalSeconds < seconds;)
        {
            var began = Stopwatch.GetTimestamp();
            try { await Ask(); }
            catch (RpcException) { failed++; }
            took.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            await Task.Delay(100, CancellationToken.None);
        }

        await stop.CancelAsync();
        try { await attacking; }
        catch (Exception cut) when (cut is OperationCanceledException or RpcException or HttpRequestException or IOException) { }
        took.Sort();
        var row = (attack, rest, ProcessMemory.PeakKb(_silo) / 1024, took[took.Count / 2], took[Math.Min(took.Count - 1, (int)(took.Count * 0.99))], failed);
        _rows.Add(row);
        Console.WriteLine(row);
    }

    private async Task Ask() => await _beside.ListTasksAsync(new() { PageSize = 10 }, _me, TimeProvider.System.GetUtcNow().UtcDateTime.AddSeconds(10));

    /// <summary>So many at the same time, again and again, each with a connection of its own.</summary>
    private Task Many(int number, CancellationToken stop, Func<RawSender, Task> call) => Task.WhenAll(Enumerable.Range(0, number).Select(async _ =>
    {
        while (!stop.IsCancellationRequested)
        {
            using var raw = new RawSender(_address);
            await Once(raw, call);
            if (stop.IsCancellationRequested) return;
            for (var i = 0; i < 20 && !stop.IsCancellationRequested; i++) await Once(raw, call);
        }
    }));

    private async Task Paced(int perSecond, CancellationToken stop, Func<RawSender, Task> call)
    {
        using var raw = new RawSender(_address);
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
                await socket.ConnectAsync(IPAddress.Loopback, new Uri(_address).Port, stop);
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

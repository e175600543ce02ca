using System.Globalization;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Google.Protobuf;
using Grpc.Core;
using HiveMind.Protos;
using HiveMind.Tests.Gateway;
using HiveMind.Tests.Processes;

namespace HiveMind.Tests.Attacks;

/// <summary>A real silo with room for few connections, whose memory is looked at from outside.</summary>
public sealed partial class AttackedPool() : SharedPool(
    "Edge:Connections=400", "Edge:ConnectionsPerAddress=300", "Edge:ConnectionsPerAccount=100", "Edge:MessagesMb=128", "Edge:MessagesMbPerAccount=101", "Tasks:AllowNoop=true", "Http:Burst=100",
    "RateLimit:RequestsPerSecond=1000", "RateLimit:Burst=5000", "Http:LiveVisitorsPerAddress=20")
{
    private int _names;

    /// <summary>HIVEMIND_ATTACK=10 attacks with ten times as much.</summary>
    public static int Times { get; } = int.TryParse(Environment.GetEnvironmentVariable("HIVEMIND_ATTACK"), CultureInfo.InvariantCulture, out var times) ? Math.Clamp(times, 1, 50) : 1;

    internal Task<Login> NewUser() => Pool.NewUser($"somebody-{Interlocked.Increment(ref _names)}");

    public string Page => PageLine().Match(Pool.Output).Groups[1].Value;

    public static string TokenOf(Metadata headers) => headers.GetValue("authorization")!;

    /// <summary>MiB the silo has now.</summary>
    public long ResidentMb => long.Parse(
        Resident().Match(File.ReadAllText($"/proc/{Pool.Process.Id}/status")).Groups[1].Value, CultureInfo.InvariantCulture) / 1024;

    [GeneratedRegex(@"page +(http://[^/\s]+)/")]
    private static partial Regex PageLine();

    [GeneratedRegex(@"VmRSS:\s+(\d+) kB")]
    private static partial Regex Resident();
}

/// <summary>What hostile clients do through real sockets: each gets its code or loses its connection, the hub stays small, and who behaves is served.</summary>
public sealed class AttackTests(AttackedPool pool) : IClassFixture<AttackedPool>
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task GzipBombs_OfStrangers_AreNotUnpacked()
    {
        var bomb = RawCall.Frame(RawCall.Gzip(new byte[55 << 20]), true);
        using var http = RawCall.NewClient();
        var raw = new RawCall(http, pool.Pool.Address);
        var before = pool.ResidentMb;

        var answers = await Task.WhenAll(Enumerable.Range(0, 30 * AttackedPool.Times).Select(_ => raw.Send("/nodepool.UserService/LoginUser", bomb, null, "gzip")));

        Assert.All(answers, answer => Assert.Equal(new(StatusCode.ResourceExhausted, "MESSAGE_TOO_LARGE"), answer));
        Assert.InRange(pool.ResidentMb - before, long.MinValue, 250); // unpacked they would be 1,650
    }

    [Fact]
    public async Task LargeMessages_AllAtOnce_TakeTurns()
    {
        var somebody = await pool.NewUser();
        var before = pool.ResidentMb;
        var most = 0L;
        using var done = new CancellationTokenSource();
        var looking = Task.Run(async () =>
        {
            while (!done.IsCancellationRequested)
            {
                most = Math.Max(most, pool.ResidentMb);
                await Task.Delay(50, CancellationToken.None);
            }
        });
        var program = UnsafeByteOperations.UnsafeWrap(RandomNumberGenerator.GetBytes(90 << 20));

        var codes = await Task.WhenAll(Enumerable.Range(0, 12).Select(async i =>
        {
            try
            {
                await pool.Pool.Master.SubmitTaskAsync(new() { TaskType = "python", TaskData = program, RequestId = $"large-{i}" }, somebody.Metadata);
                return StatusCode.OK;
            }
            catch (RpcException refused)
            {
                Assert.True(refused.GetRpcStatus()?.GetDetail<Google.Rpc.RetryInfo>() is not null, $"{refused.Status}");
                return refused.StatusCode;
            }
        }));
        await done.CancelAsync();
        await looking;

        Assert.Contains(StatusCode.OK, codes);
        Assert.All(codes, code => Assert.True(code is StatusCode.OK or StatusCode.ResourceExhausted, $"{code}"));
        Assert.InRange(most - before, 0, 900); // at once they would be 1,080, and as much again while they are read
    }

    [Fact]
    public async Task SlowUploads_OfDribble_AreCut()
    {
        var somebody = await pool.NewUser();
        using var http = RawCall.NewClient();
        var raw = new RawCall(http, pool.Pool.Address);
        var header = new UploadPayloadRequest { Header = new() { Size = 1 << 20, Sha256 = new string('a', 64) } };
        var drop = RawCall.Frame(new UploadPayloadRequest { Data = ByteString.CopyFrom(1) }.ToByteArray());
        var token = AttackedPool.TokenOf(somebody.Metadata);

        var uploads = Enumerable.Range(0, 5).Select(_ =>
            raw.Send("/nodepool.MasterNodeService/UploadPayload", new EndlessBody(RawCall.Frame(header.ToByteArray()), drop, TimeSpan.FromSeconds(1)), token));
        var whole = raw.Send("/nodepool.MasterNodeService/SubmitTask", new EndlessBody([0, 0, 16, 0, 0], [0], TimeSpan.FromSeconds(1)), token);
        var silent = raw.Send("/nodepool.UserService/LoginUser", new EndlessBody([0, 0, 0], [], Timeout.InfiniteTimeSpan));

        var answers = await Task.WhenAll([.. uploads, whole, silent]).WaitAsync(Patience);
        Assert.All(answers, answer => Assert.True(answer.Reason is "SLOW_SENDER" or "WRONG_OFFSET", $"{answer}"));
        Assert.Equal("SLOW_SENDER", answers[^2].Reason);
        Assert.Equal("SLOW_SENDER", answers[^1].Reason);
    }

    [Fact]
    public async Task RapidReset_OnOneConnection_LosesItAndOneLineSaysSo()
    {
        var somebody = await pool.NewUser();
        var token = AttackedPool.TokenOf(somebody.Metadata);
        using var http = RawCall.NewClient();
        var raw = new RawCall(http, pool.Pool.Address);
        async Task Reset()
        {
            using var soon = new CancellationTokenSource(TimeSpan.FromMilliseconds(20));
            try
            {
                await raw.Send("/nodepool.MasterNodeService/UploadPayload", new EndlessBody([0, 0, 0], [], Timeout.InfiniteTimeSpan), token, cancel: soon.Token);
            }
            catch (Exception cut) when (cut is OperationCanceledException or HttpRequestException or IOException)
            {
            }
        }

        await Wait.Until(async () =>
        {
            await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => Reset()));
            return pool.Pool.Output.Contains("closed for resetting call after call", StringComparison.Ordinal);
        }, Patience, () => $"the connection is still open:\n{pool.Pool.Output}");

        Assert.DoesNotContain("crit:", pool.Pool.Output, StringComparison.Ordinal);
        Assert.Equal(somebody.UserId, (await pool.Pool.Users.GetUserInfoAsync(new(), somebody.Metadata)).User.UserId);
    }

    [Fact]
    public async Task IdleConnections_OfACrowd_PushOutEachOtherAndNobodyWhoWorks()
    {
        var somebody = await pool.NewUser();
        var crowd = new List<Socket>();
        try
        {
            for (var i = 0; i < 700 * AttackedPool.Times; i++)
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                crowd.Add(socket);
                await socket.ConnectAsync(new Uri(pool.Pool.Address).Host, new Uri(pool.Pool.Address).Port);
                if (i % 100 == 0) await pool.Pool.Users.GetUserInfoAsync(new(), somebody.Metadata);
            }

            // Who comes now is let in, too.
            using var http = RawCall.NewClient();
            var raw = new RawCall(http, pool.Pool.Address);
            Assert.Equal(StatusCode.OK, (await raw.Send("/nodepool.UserService/GetUserInfo", RawCall.Frame([]), AttackedPool.TokenOf(somebody.Metadata))).Code);
            await Wait.Until(() => crowd.Count(IsClosed) >= crowd.Count - 300, Patience, () => $"only {crowd.Count(IsClosed)} of {crowd.Count} were pushed out");
        }
        finally
        {
            foreach (var socket in crowd) socket.Dispose();
        }

        static bool IsClosed(Socket socket)
        {
            try
            {
                // The hub's first words (its settings) may stand there; behind them is the end.
                var some = new byte[256];
                while (socket.Poll(0, SelectMode.SelectRead))
                    if (socket.Receive(some) == 0) return true;
                return false;
            }
            catch (SocketException)
            {
                return true;
            }
        }
    }

    [Fact]
    public async Task HttpPort_OneAddressTooOften_IsAskedToWaitWhileHealthAnswers()
    {
        using var http = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = 20 }) { BaseAddress = new Uri(pool.Page) };
        var answers = await Task.WhenAll(Enumerable.Range(0, 400 * AttackedPool.Times).Select(async _ => (int)(await http.GetAsync("/")).StatusCode));
        Assert.Contains(429, answers);
        Assert.All(answers, code => Assert.True(code is 200 or 429, $"{code}"));
        Assert.Equal(200, (int)(await http.GetAsync("/healthz")).StatusCode);
    }
}

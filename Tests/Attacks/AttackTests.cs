using System.Globalization;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Google.Protobuf;
using Grpc.Core;
using HiveMind.Benchmarks;
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

    /// <summary>The same, and its peak counts from here on.</summary>
    internal long ResidentMbFromHere() => ProcessMemory.ResetPeakKb(Pool.Process) / 1024;

    internal long PeakMb => ProcessMemory.PeakKb(Pool.Process) / 1024;

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
        var before = pool.ResidentMbFromHere();
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

        Assert.Contains(StatusCode.OK, codes);
        Assert.All(codes, code => Assert.True(code is StatusCode.OK or StatusCode.ResourceExhausted, $"{code}"));
        Assert.InRange(pool.PeakMb - before, 0, 300); // one at a time, in one array; at once they would be 1,080, and as much again while they are read
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
    public async Task HeartbeatBombs_OfLentMachines_CostLittleAndOthersWork()
    {
        var (lender, beside) = (await pool.NewUser(), await pool.NewUser());
        await using var honest = await LentMachine.Lend(pool.Pool.Channel, beside.Metadata, $"honest-{beside.Name}", types: "noop");
        await using var names = await Bomb(lender, "names");
        await using var fast = await Bomb(lender, "fast");
        await using var starts = await Bomb(lender, "starts");
        var before = pool.ResidentMbFromHere();
        var lines = pool.Pool.Output.Count(letter => letter == '\n');
        using var done = new CancellationTokenSource();
        Task[] attacks =
        [
            HeartbeatBombs.Names(names, done.Token), HeartbeatBombs.Fast(fast, done.Token), HeartbeatBombs.Starts(starts, done.Token),
        ];

        for (var i = 0; i < 10 * AttackedPool.Times; i++)
        {
            var task = (await pool.Pool.Master.SubmitTaskAsync(LentMachine.Noop(), beside.Metadata)).TaskId;
            Assignment? given = null;
            await Wait.Until(() => honest.Given.TryDequeue(out given), Patience, () => $"nothing was given: {honest.Ended}");
            await honest.Complete(given!, 10_000);
            await pool.Pool.WaitForEnd(task, beside);
        }

        await Wait.Until(() => names.Beats >= 5 && fast.Beats >= 500 && starts.Answers >= 2_200, Patience,
            () => $"{names.Beats}, {fast.Beats} heartbeats and {starts.Answers} starts were answered\n{names.Ended} {fast.Ended} {starts.Ended}");
        await done.CancelAsync();
        await Task.WhenAll(attacks);
        Assert.Null(honest.Ended);
        Assert.InRange(pool.PeakMb - before, long.MinValue, 150);
        Assert.InRange(pool.Pool.Output.Count(letter => letter == '\n') - lines, 0, 100);
    }

    [Theory]
    [InlineData("labels")]
    [InlineData("names")]
    [InlineData("a message over its limit")]
    [InlineData("usage")]
    public async Task Heartbeat_OversizedInAnyWay_EndsItsStreamAndLeavesNothing(string what)
    {
        var bomb = Oversized(what);
        var lender = await pool.NewUser();
        var before = pool.ResidentMbFromHere();
        for (var i = 0; i < 5; i++)
        {
            await using var machine = await Bomb(lender, "oversized", speaks: bomb.MessageCase == WorkerMessage.MessageOneofCase.Heartbeat);
            try
            {
                await machine.Say(bomb);
            }
            catch (Exception closed) when (closed is RpcException or InvalidOperationException)
            {
            }

            await Wait.Until(() => machine.Ended is not null, Patience, () => $"{what}: the stream is open");
            Assert.True(machine.Ended!.StatusCode is StatusCode.InvalidArgument or StatusCode.ResourceExhausted, $"{what}: {machine.Ended}");
        }

        Assert.InRange(pool.PeakMb - before, long.MinValue, 60);
    }

    private static WorkerMessage Oversized(string what)
    {
        var beat = new WorkerHeartbeat { Sequence = 1 };
        if (what == "usage") beat.Usage = new() { CpuUsage = double.PositiveInfinity, MemoryUsage = 1e300 };
        for (var i = what switch { "names" => 10_001, "usage" => 0, _ => 30_000 }; i > 0; i--) beat.Running.Add(new AttemptRef { TaskId = HeartbeatBombs.UnknownId(), Attempt = 1 });
        if (what != "labels") return new() { Heartbeat = beat };
        var offered = new NodeCapabilities { CpuCores = 1, MemoryMb = 256 };
        for (var i = 0; i < 20_000; i++) offered.Labels.Add($"label-{i}", "x");
        return new() { Hello = new() { Capabilities = offered } };
    }

    private Task<LentMachine> Bomb(Login lender, string name, bool speaks = true) =>
        LentMachine.Lend(pool.Pool.Channel, lender.Metadata, $"{name}-{lender.Name}", 4096, 1 << 26, beats: false, speaks, "noop");

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

using System.Security.Cryptography;
using CsCheck;
using Google.Protobuf;
using Grpc.Core;
using HiveMind.Edge;
using HiveMind.Tasks;
using HiveMind.Tests.Processes;
using HiveMind.Users;
using Wire = HiveMind.Protos;

namespace HiveMind.Tests.Gateway;

/// <summary>Large programs within a submit: read as gRPC and protobuf would read them, but kept in memory once.</summary>
public sealed class LargeSubmitTests : IAsyncDisposable
{
    private const string Submit = "/nodepool.MasterNodeService/SubmitTask";
    private readonly TestGateway _gateway = TestGateway.Start();
    private readonly HttpClient _http = RawCall.NewClient();
    private readonly RawCall _raw;
    private readonly System.Collections.Concurrent.ConcurrentQueue<string> _written = new();

    public LargeSubmitTests()
    {
        _raw = new(_http, _gateway.Address);
        _ = new FakeTasks(_gateway);
        _gateway.Files.On("Write", a =>
        {
            var bytes = (ReadOnlyMemory<byte>)a[0]!;
            _written.Enqueue(Convert.ToHexStringLower(SHA256.HashData(bytes.Span)));
            return Task.FromResult(new BlobRef(bytes.Length, new string('a', 64), null));
        });
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _gateway.DisposeAsync();
    }

    [Fact]
    public async Task Submit_LargeProgramsOneAfterTheOther_EachArrivesWholeAndAsItIs()
    {
        foreach (var length in new[] { Limits.OrdinaryBytes - 20, Limits.OrdinaryBytes, 5_000_000, 3_000_001, 20_000_000, 1_100_000 })
        {
            var request = Request(RandomNumberGenerator.GetBytes(length));
            await _gateway.Master.SubmitTaskAsync(request, TestGateway.With(_gateway.Alice));
            Assert.True(_written.TryDequeue(out var hash));
            Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(request.TaskData.Span)), hash);
            Assert.Equal(StatusCode.OK, (await _raw.Send(Submit, RawCall.Frame(RawCall.Gzip(request.ToByteArray()), true), Bearer, "gzip")).Code);
            Assert.True(_written.TryDequeue(out var packed));
            Assert.Equal(hash, packed);
        }
    }

    [Fact]
    public async Task Submit_LargeProgramsAtOnce_NobodyGetsAnothersBytes()
    {
        var programs = Enumerable.Range(0, 6).Select(i => RandomNumberGenerator.GetBytes(4_000_000 + i * 1_000_000)).ToArray();
        await Task.WhenAll(programs.Select(program => _gateway.Master.SubmitTaskAsync(Request(program), TestGateway.With(_gateway.Alice)).ResponseAsync));
        Assert.Equal(programs.Select(program => Convert.ToHexStringLower(SHA256.HashData(program))).Order(), _written.Order());
    }

    [Fact]
    public async Task Submit_LargeBodyThatIsNoMessage_IsToldSoAndHoldsNothing()
    {
        var whole = RawCall.Frame(Request(new byte[3_000_000]).ToByteArray());
        Assert.Equal(StatusCode.InvalidArgument, (await _raw.Send(Submit, whole[..2_000_000], Bearer)).Code); // too short
        Assert.Equal(StatusCode.InvalidArgument, (await _raw.Send(Submit, [.. whole, .. whole], Bearer)).Code); // two
        Assert.Equal(StatusCode.InvalidArgument, (await _raw.Send(Submit, RawCall.Frame([.. Enumerable.Repeat((byte)0xFF, 3_000_000)]), Bearer)).Code);
        Assert.Equal(StatusCode.OK, (await _raw.Send(Submit, whole, Bearer)).Code);
        await Wait.Until(() => _gateway.Calls.Count == 0, TimeSpan.FromSeconds(10), () => "a call is still open");
    }

    /// <summary>Whatever stands in which order, how often, cut or damaged: what the generated parser says.</summary>
    [Fact]
    public void Read_AnyBytes_IsWhatTheParserSays()
    {
        var large = new byte[Limits.OrdinaryBytes + 100];
        new Random(7).NextBytes(large);
        Gen.Select(Gen.Int[0, 4].Array[1, 6], Gen.Int[-40, 0], Gen.Int[0, 200], Gen.Bool).Sample((parts, cut, damage, isDamaged) =>
        {
            using var message = new MemoryStream();
            foreach (var part in parts) Part(part, large).WriteTo(message);
            new Wire.SubmitTaskRequest { TaskData = UnsafeByteOperations.UnsafeWrap(large) }.WriteTo(message);
            foreach (var part in Enumerable.Reverse(parts)) Part(part, large).WriteTo(message);
            var bytes = message.ToArray();
            if (isDamaged) bytes[bytes.Length - 1 - damage % 60] ^= 0x55;
            var framed = new byte[5 + bytes.Length + 9]; // as it lies in its array: behind a header, before what is left of another
            bytes.CopyTo(framed, 5);
            var length = bytes.Length + cut;

            var expected = Outcome(() => Wire.SubmitTaskRequest.Parser.ParseFrom(framed.AsSpan(5, length)));
            Assert.Equal(expected, Outcome(() => SubmitReader.Read(new ArraySegment<byte>(framed, 5, length))));
        }, iter: 60, threads: 1);
    }

    [Fact]
    public void Read_LargeProgram_IsNotCopied()
    {
        var message = Request(new byte[2_000_000]).ToByteArray();
        var read = SubmitReader.Read(new ArraySegment<byte>(message));
        message[1_000_000] = 42; // in the middle of the program
        Assert.Contains((byte)42, read.TaskData.ToByteArray());
    }

    [Fact]
    public void Arrays_GivenBack_AreUsedAgainAndNeverTwiceAtOnce()
    {
        var arrays = new LargeArrays();
        var (small, large) = (arrays.Rent(2_000_000), arrays.Rent(9_000_000));
        arrays.Return(small);
        arrays.Return(large);
        Assert.Same(small, arrays.Rent(1_500_000)); // the smallest that is large enough
        Assert.Same(large, arrays.Rent(1_500_000));
        Assert.NotSame(large, arrays.Rent(1_500_000));
        GC.KeepAlive(small);
    }

    private string Bearer => $"Bearer {_gateway.Alice.Format(TestGateway.TagKey)}";

    private static Wire.SubmitTaskRequest Request(byte[] program) => new() { TaskType = "python", TaskData = UnsafeByteOperations.UnsafeWrap(program), Arguments = { "a", "b" } };

    private static Wire.SubmitTaskRequest Part(int kind, byte[] large) => kind switch
    {
        0 => new() { TaskType = "python", Priority = Wire.TaskPriority.High },
        1 => new() { TaskData = UnsafeByteOperations.UnsafeWrap(large.AsMemory(0, 50)) },
        2 => new() { Requirements = new() { CpuCores = 2 }, Arguments = { "x", "y" } },
        3 => new() { Requirements = new() { MemoryMb = 64, Labels = "a = b" }, StandardInput = ByteString.CopyFromUtf8("in") },
        _ => new() { RequestId = "äö", Retry = new() { ExitCodes = { 1, 2, 3 } } },
    };

    private static string Outcome(Func<Wire.SubmitTaskRequest> read)
    {
        try
        {
            return Convert.ToHexStringLower(SHA256.HashData(read().ToByteArray()));
        }
        catch (InvalidProtocolBufferException e)
        {
            return e.GetType().Name;
        }
    }
}

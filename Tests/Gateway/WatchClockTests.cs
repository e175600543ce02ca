using Grpc.Core;
using HiveMind.Storage;
using HiveMind.Tasks;
using HiveMind.Tests.Processes;
using HiveMind.Users;
using Microsoft.Extensions.Time.Testing;
using Wire = HiveMind.Protos;

namespace HiveMind.Tests.Gateway;

/// <summary>What time does to a watch: silence, a reader that stops, a login that ends. The clock is the test's.</summary>
public sealed class WatchClockTests : IAsyncDisposable
{
    private static readonly string Id = TaskIds.New("alice", "clock");
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly FakeTimeProvider _time = new();
    private readonly TestGateway _gateway;

    public WatchClockTests()
    {
        _gateway = TestGateway.Start(time: _time);
        var running = new TaskSnapshot
        {
            TaskId = Id, State = TaskState.Running, CreatedAt = DateTimeOffset.UnixEpoch, NodeId = "node-1",
            Spec = new TaskSpec { UserId = "alice", TaskType = "python", Payload = BlobRef.Empty, Resources = new(1000, 256, 0) },
            Attempts = [new AttemptSnapshot(1, "node-1", DateTimeOffset.UnixEpoch, null, null, "", 0, 0)],
        };
        _gateway.Grains.Add(Id, Stub<ITaskGrain>.New().On("GetSnapshot", _ => Task.FromResult<TaskSnapshot?>(running)).Object);
    }

    public ValueTask DisposeAsync() => _gateway.DisposeAsync();

    [Fact]
    public async Task WatchTask_Silence_KeepAlivesCome()
    {
        using var watch = Watch();
        Assert.NotNull((await Next(watch)).Snapshot);
        Assert.NotNull((await Next(watch)).KeepAlive);
        Assert.NotNull((await Next(watch)).KeepAlive);
    }

    [Fact]
    public async Task WatchTask_ReaderStops_IsCutOffWithItsPlaceAndGoesOnWhereItWas()
    {
        var printed = new byte[24 << 20];
        new Random(1).NextBytes(printed);
        var id = PartialIds.Output(Id, 1, "stdout");
        await _gateway.Partials.Append(id, 0, printed, long.MaxValue, default);
        using var watch = Watch();
        Assert.NotNull((await Next(watch)).Snapshot);

        await Until(() => _gateway.Watches.Taken == 0, "the reader that stopped is still served");

        var got = new MemoryStream();
        var cut = await Assert.ThrowsAsync<RpcException>(() => Read(watch, got));
        Assert.Equal(StatusCode.ResourceExhausted, cut.StatusCode);
        Assert.Equal("SLOW_READER", cut.GetRpcStatus()?.GetDetail<Google.Rpc.ErrorInfo>()?.Reason);
        Assert.True(got.Length < printed.Length, "all of it was buffered for a reader that did not read");
        using var again = Watch(got.Length);
        using var enough = new CancellationTokenSource(Patience);
        while (got.Length < printed.Length && await again.ResponseStream.MoveNext(enough.Token)) Keep(again.ResponseStream.Current, got);
        Assert.Equal(printed, got.ToArray());
    }

    [Fact]
    public async Task WatchTask_LoginRevoked_TheStreamEnds()
    {
        using var watch = Watch();
        Assert.NotNull((await Next(watch)).Snapshot);
        _gateway.Grains.Add("alice", Stub<IUserGrain>.New()
            .On("CheckSession", _ => Task.FromException<Caller>(HiveMindException.Unauthenticated())).Object);

        var end = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            while (true) await Next(watch);
        });

        Assert.Equal(StatusCode.Unauthenticated, end.StatusCode);
        await Until(() => _gateway.Watches.Taken == 0, "its place is not given back");
    }

    [Fact]
    public async Task WatchTask_ProgramBegunAgainInTheSameAttempt_ComesFromZeroAgain()
    {
        var id = PartialIds.Output(Id, 1, "stdout");
        await _gateway.Partials.Append(id, 0, "of the first run"u8.ToArray(), 100, default);
        using var watch = Watch();
        Assert.NotNull((await Next(watch)).Snapshot);
        Assert.Equal("of the first run", (await Next(watch)).Output.Data.ToStringUtf8());

        await _gateway.Partials.Delete(id);
        await _gateway.Partials.Append(id, 0, "second"u8.ToArray(), 100, default);

        Assert.Equal((1, 0L, "second"), (await Next(watch)).Output is { } again ? (again.Attempt, again.Position, again.Data.ToStringUtf8()) : default);
    }

    private AsyncServerStreamingCall<Wire.WatchTaskResponse> Watch(long position = 0) => _gateway.Master.WatchTask(
        new() { TaskId = Id, WithOutput = true, Attempt = position > 0 ? 1 : 0, StdoutPosition = position }, TestGateway.With(_gateway.Alice));

    private async Task<Wire.WatchTaskResponse> Next(AsyncServerStreamingCall<Wire.WatchTaskResponse> watch)
    {
        var next = watch.ResponseStream.MoveNext(default);
        await Until(() => next.IsCompleted, "nothing more comes");
        Assert.True(await next, "the stream has ended");
        return watch.ResponseStream.Current;
    }

    private static async Task Read(AsyncServerStreamingCall<Wire.WatchTaskResponse> watch, MemoryStream got)
    {
        while (await watch.ResponseStream.MoveNext(default)) Keep(watch.ResponseStream.Current, got);
    }

    private static void Keep(Wire.WatchTaskResponse message, MemoryStream got)
    {
        if (message.Output is not { } output) return;
        Assert.Equal(got.Length, output.Position);
        output.Data.WriteTo(got);
    }

    /// <summary>Time goes by until it holds.</summary>
    private Task Until(Func<bool> holds, string otherwise) => Wait.Until(() =>
    {
        _time.Advance(TimeSpan.FromMilliseconds(500));
        return holds();
    }, Patience, () => otherwise);
}

using Google.Protobuf;
using Grpc.Core;
using HiveMind.Tasks;
using Wire = HiveMind.Protos;

namespace HiveMind.Tests.Gateway;

public sealed class ByteStreamTests
{
    private static readonly string Id = TaskIds.New("alice", "1");

    private static TestGateway Start(List<byte> stored)
    {
        var gateway = TestGateway.Start();
        gateway.Node.On("CheckAttempt", a => (int)a[1]! == 1 ? Task.CompletedTask : Task.FromException(HiveMindException.Aborted("STALE_ATTEMPT", "Old.")));
        gateway.Files
            .On("Write", a => Store((IAsyncEnumerable<ReadOnlyMemory<byte>>)a[0]!, stored))
            .On("OpenRead", _ => new MemoryStream([.. Enumerable.Repeat((byte)7, 200_000)]));
        return gateway;
    }

    private static async Task<BlobRef> Store(IAsyncEnumerable<ReadOnlyMemory<byte>> chunks, List<byte> stored)
    {
        await foreach (var chunk in chunks) stored.AddRange(chunk.Span);
        return new BlobRef(stored.Count, new string('a', 64), null);
    }

    private static async Task<Wire.SendOutputResponse> Send(TestGateway gateway, int attempt, long size, params byte[][] chunks)
    {
        using var call = gateway.Nodes.SendOutput(TestGateway.With(gateway.NodeToken));
        try
        {
            await call.RequestStream.WriteAsync(new() { Header = new() { TaskId = Id, Attempt = attempt, Stream = "stdout", Size = size } });
            foreach (var chunk in chunks) await call.RequestStream.WriteAsync(new() { Data = ByteString.CopyFrom(chunk) });
            await call.RequestStream.CompleteAsync();
        }
        catch (RpcException) { } // refused early: the answer says why
        return await call.ResponseAsync;
    }

    [Fact]
    public async Task SendOutput_AllBytes_StoredAndTheReceiptIsGoodForTheReport()
    {
        List<byte> stored = [];
        await using var gateway = Start(stored);
        var sent = await Send(gateway, 1, 100_000, new byte[60_000], new byte[40_000]);
        Assert.Equal((100_000L, 100_000), (sent.Size, stored.Count));
        TaskOutcomeReport? reported = null;
        gateway.Node.On("Report", a =>
        {
            reported = ((IReadOnlyList<TaskOutcomeReport>)a[1]!)[0];
            return Task.FromResult<IReadOnlyList<ReportVerdict>>([new ReportVerdict(Id, 1, ReportVerdictKind.Accepted, "", "")]);
        });
        var output = new Wire.OutputRef { Size = sent.Size, Sha256 = sent.Sha256, Receipt = sent.Receipt };
        var report = new Wire.TaskReport { TaskId = Id, Attempt = 1, Kind = Wire.TaskReportKind.Ended, Result = output };
        Assert.True((await gateway.Nodes.ReportTaskAsync(new() { NodeId = "node-1", Report = report }, TestGateway.With(gateway.NodeToken))).Success);
        Assert.Equal((100_000L, sent.Sha256), (reported!.Result.Size, reported.Result.Sha256));
    }

    [Theory]
    [InlineData(2, 10, StatusCode.Aborted)]
    [InlineData(1, 9, StatusCode.InvalidArgument)]
    [InlineData(1, 11, StatusCode.InvalidArgument)]
    [InlineData(1, (100 << 20) + 1, StatusCode.InvalidArgument)]
    public async Task SendOutput_StaleOrOtherThanAnnounced_Refused(int attempt, long size, StatusCode code)
    {
        await using var gateway = Start([]);
        Assert.Equal(code, (await Assert.ThrowsAsync<RpcException>(() => Send(gateway, attempt, size, new byte[10]))).StatusCode);
    }

    [Fact]
    public async Task FetchPayload_LargeFile_ComesInChunksOf64KiB()
    {
        await using var gateway = Start([]);
        var payload = new BlobRef(200_000, new string('a', 64), null);
        var spec = new TaskSpec { UserId = "alice", TaskType = "python", Payload = payload, Resources = new(1000, 256, 0) };
        var snapshot = new TaskSnapshot { TaskId = Id, State = TaskState.Running, CreatedAt = DateTimeOffset.UnixEpoch, Spec = spec };
        gateway.Grains.Add(Id, Stub<ITaskGrain>.New().On("GetSnapshot", _ => Task.FromResult<TaskSnapshot?>(snapshot)).Object);
        using var call = gateway.Nodes.FetchPayload(new() { TaskId = Id, Attempt = 1 }, TestGateway.With(gateway.NodeToken));
        List<int> sizes = [];
        while (await call.ResponseStream.MoveNext(default)) sizes.Add(call.ResponseStream.Current.Data.Length);
        Assert.Equal([65536, 65536, 65536, 3392], sizes);
    }
}

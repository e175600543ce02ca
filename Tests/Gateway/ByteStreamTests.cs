using System.Security.Cryptography;
using Google.Protobuf;
using Grpc.Core;
using HiveMind.Storage;
using HiveMind.Tasks;
using Wire = HiveMind.Protos;

namespace HiveMind.Tests.Gateway;

public sealed class ByteStreamTests
{
    private static readonly string Id = TaskIds.New("alice", "1");

    private static readonly TaskSpec Spec = new()
    {
        UserId = "alice", TaskType = "python", Payload = new BlobRef(200_000, new string('a', 64), null), Resources = new(1000, 256, 0),
    };

    private static TestGateway Start()
    {
        var gateway = TestGateway.Start();
        gateway.Node.On("CheckAttempt", a => (int)a[1]! == 1
            ? Task.FromResult(Spec)
            : Task.FromException<TaskSpec>(HiveMindException.Aborted("STALE_ATTEMPT", "Old.")));
        gateway.Files.On("OpenRead", _ => new MemoryStream([.. Enumerable.Range(0, 200_000).Select(i => (byte)i)]));
        return gateway;
    }

    private static Task<Wire.SendOutputResponse> Send(TestGateway gateway, int attempt, long size, params byte[][] chunks) =>
        SendFrom(gateway, attempt, 0, size, chunks);

    private static async Task<Wire.SendOutputResponse> SendFrom(TestGateway gateway, int attempt, long offset, long size, params byte[][] chunks)
    {
        using var call = gateway.Nodes.SendOutput(TestGateway.With(gateway.NodeToken));
        try
        {
            await call.RequestStream.WriteAsync(new() { Header = new() { TaskId = Id, Attempt = attempt, Stream = "stdout", Size = size, Offset = offset } });
            foreach (var chunk in chunks) await call.RequestStream.WriteAsync(new() { Data = ByteString.CopyFrom(chunk) });
            await call.RequestStream.CompleteAsync();
        }
        catch (RpcException) { } // refused early: the answer says why
        return await call.ResponseAsync;
    }

    private static async Task<long> Append(TestGateway gateway, long offset, byte[] data, int attempt = 1, string stream = "stdout") =>
        (await gateway.Nodes.AppendOutputAsync(
            new() { TaskId = Id, Attempt = attempt, Stream = stream, Offset = offset, Data = ByteString.CopyFrom(data) },
            TestGateway.With(gateway.NodeToken))).Position;

    [Fact]
    public async Task SendOutput_AllBytes_StoredAndTheReceiptIsGoodForTheReport()
    {
        await using var gateway = Start();
        var sent = await Send(gateway, 1, 100_000, new byte[60_000], new byte[40_000]);
        Assert.Equal((100_000L, Convert.ToHexStringLower(SHA256.HashData(new byte[100_000]))), (sent.Size, sent.Sha256));
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
        await using var gateway = Start();
        Assert.Equal(code, (await Assert.ThrowsAsync<RpcException>(() => Send(gateway, attempt, size, new byte[10]))).StatusCode);
    }

    [Fact]
    public async Task SendOutput_BehindWhatWasPrinted_IsTheWhole()
    {
        await using var gateway = Start();
        var all = Enumerable.Range(0, 90_000).Select(i => (byte)(i * 7)).ToArray();
        Assert.Equal(50_000, await Append(gateway, 0, all[..50_000]));

        Assert.Equal(50_000, await Append(gateway, 0, all[..50_000])); // its answer was lost: nothing doubles
        Assert.Equal(50_000, await Append(gateway, 60_000, all[60_000..])); // nor is there a gap
        Assert.Equal(50_000, await Append(gateway, 0, [])); // where to go on
        var wrong = await Assert.ThrowsAsync<RpcException>(() => SendFrom(gateway, 1, 0, 90_000, all[..60_000]));
        Assert.Equal((StatusCode.FailedPrecondition, "WRONG_OFFSET"), (wrong.StatusCode, ReasonOf(wrong)));
        var sent = await SendFrom(gateway, 1, 50_000, 90_000, all[50_000..]);

        Assert.Equal((90_000L, Convert.ToHexStringLower(SHA256.HashData(all))), (sent.Size, sent.Sha256));
        Assert.Equal(0, await gateway.Partials.Length(PartialIds.Output(Id, 1, "stdout"), default));
    }

    [Theory]
    [InlineData(2, 0, 10, "stdout", StatusCode.Aborted)]
    [InlineData(0, 0, 10, "stdout", StatusCode.InvalidArgument)]
    [InlineData(1, -1, 10, "stdout", StatusCode.InvalidArgument)]
    [InlineData(1, 0, (64 << 10) + 1, "stdout", StatusCode.InvalidArgument)]
    [InlineData(1, 0, 10, "../stdout", StatusCode.InvalidArgument)]
    public async Task AppendOutput_StaleOrNoOutput_RefusedAndChangesNothing(int attempt, long offset, int size, string stream, StatusCode code)
    {
        await using var gateway = Start();
        Assert.Equal(code, (await Assert.ThrowsAsync<RpcException>(() => Append(gateway, offset, new byte[size], attempt, stream))).StatusCode);
        Assert.Equal(0, await Append(gateway, 0, []));
    }

    [Fact]
    public async Task FetchPayload_LargeFile_ComesInChunksOf64KiBFromAnyOffset()
    {
        await using var gateway = Start();
        Assert.Equal([65536, 65536, 65536, 3392], (await Fetch(gateway, 0)).Select(chunk => chunk.Length));
        var tail = await Fetch(gateway, 199_990);
        Assert.Equal(Enumerable.Range(199_990, 10).Select(i => (byte)i), Assert.Single(tail));
        Assert.Empty(await Fetch(gateway, 200_000));
        Assert.Equal(StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(() => Fetch(gateway, 200_001))).StatusCode);
    }

    private static async Task<List<byte[]>> Fetch(TestGateway gateway, long offset)
    {
        using var call = gateway.Nodes.FetchPayload(new() { TaskId = Id, Attempt = 1, Offset = offset }, TestGateway.With(gateway.NodeToken));
        List<byte[]> chunks = [];
        while (await call.ResponseStream.MoveNext(default)) chunks.Add(call.ResponseStream.Current.Data.ToByteArray());
        return chunks;
    }

    private static string? ReasonOf(RpcException e) => e.GetRpcStatus()?.GetDetail<Google.Rpc.ErrorInfo>()?.Reason;
}

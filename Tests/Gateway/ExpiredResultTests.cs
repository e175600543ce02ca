using Google.Rpc;
using Grpc.Core;
using HiveMind.Storage;
using HiveMind.Tasks;
using Wire = HiveMind.Protos;

namespace HiveMind.Tests.Gateway;

/// <summary>An output that is gone because its time was over says so on every way to it; one that is lost does not.</summary>
public sealed class ExpiredResultTests : IAsyncDisposable
{
    private static readonly string Id = TaskIds.New("alice", "old");
    private readonly TestGateway _gateway = TestGateway.Start();
    private bool _expired = true;

    public ExpiredResultTests()
    {
        var output = new BlobRef(5000, new string('a', 64), null);
        var task = new TaskSnapshot
        {
            TaskId = Id, State = TaskState.Completed, CreatedAt = DateTimeOffset.UnixEpoch, EndedAt = DateTimeOffset.UnixEpoch, Result = output, Stderr = output,
            Spec = new TaskSpec { UserId = "alice", TaskType = "python", Payload = BlobRef.Empty, Resources = new(1000, 256, 0) },
        };
        _gateway.Grains.Add(Id, Stub<ITaskGrain>.New().On("GetSnapshot", _ => Task.FromResult<TaskSnapshot?>(task)).Object);
        _gateway.Files.On("Read", _ => Task.FromException<byte[]>(Missing())).On("OpenRead", _ => throw Missing());
        _gateway.Database.On("OutputsExpired", _ => Task.FromResult(_expired));
    }

    public ValueTask DisposeAsync() => _gateway.DisposeAsync();

    [Theory]
    [InlineData(true, StatusCode.FailedPrecondition, "RESULT_EXPIRED")]
    [InlineData(false, StatusCode.Unavailable, "FILE_MISSING")]
    public async Task EveryWayToTheOutput_FileIsGone_SaysWhy(bool expired, StatusCode code, string reason)
    {
        _expired = expired;
        var whole = await TestGateway.Fails(_gateway.Master.GetTaskResultAsync(new() { TaskId = Id }, TestGateway.With(_gateway.Alice)));
        using var download = _gateway.Master.DownloadResult(new() { TaskId = Id, Stream = "stderr" }, TestGateway.With(_gateway.Alice));
        var chunks = await Assert.ThrowsAsync<RpcException>(() => download.ResponseStream.MoveNext(CancellationToken.None));
        using var watch = _gateway.Master.WatchTask(new() { TaskId = Id, WithOutput = true }, TestGateway.With(_gateway.Alice));
        var watched = await Assert.ThrowsAsync<RpcException>(async () => { while (await watch.ResponseStream.MoveNext(CancellationToken.None)) ; });

        foreach (var error in new[] { whole, chunks, watched })
            Assert.Equal((code, reason), (error.StatusCode, error.GetRpcStatus()?.GetDetail<ErrorInfo>()?.Reason));
    }

    private static HiveMindException Missing() => HiveMindException.Unavailable("FILE_MISSING", "A stored file is missing.");
}

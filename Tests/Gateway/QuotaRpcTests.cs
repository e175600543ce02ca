using System.Security.Cryptography;
using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using HiveMind.Nodes;
using HiveMind.Tasks;
using HiveMind.Users;
using Wire = HiveMind.Protos;

namespace HiveMind.Tests.Gateway;

/// <summary>Quotas of one account as a client meets them: the code, which quota, what is used and what may be.</summary>
public sealed class QuotaRpcTests
{
    private static string Reason(RpcException error) => error.GetRpcStatus()?.GetDetail<ErrorInfo>()?.Reason ?? "";

    private static async Task<RpcException?> Upload(TestGateway gateway, SessionToken who, byte[] bytes, bool whole = true)
    {
        using var call = gateway.Master.UploadPayload(TestGateway.With(who));
        try
        {
            await call.RequestStream.WriteAsync(new() { Header = new() { Size = bytes.Length, Sha256 = Convert.ToHexStringLower(SHA256.HashData(bytes)) } });
            await call.RequestStream.WriteAsync(new() { Data = ByteString.CopyFrom(whole && bytes.Length <= 65_536 ? bytes : bytes[..Math.Min(60_000, bytes.Length / 2)]) });
            await call.RequestStream.CompleteAsync();
            await call;
            return null;
        }
        catch (Exception refused) when (refused is RpcException or InvalidOperationException)
        {
            return await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync); // maybe before all of it was sent
        }
    }

    [Fact]
    public async Task Uploads_TooMany_AreRefusedWhetherWholeOrNotAndOthersAreNot()
    {
        await using var gateway = TestGateway.Start(o => o.Scheduling.Roles["user"] = new() { MaxUploads = 3 });
        await Upload(gateway, gateway.Alice, [1, 2, 3, 4], whole: false);
        Assert.Null(await Upload(gateway, gateway.Alice, [2]));
        Assert.Null(await Upload(gateway, gateway.Alice, new byte[5000]));

        var refused = (await Upload(gateway, gateway.Alice, [4]))!;

        Assert.Equal((StatusCode.ResourceExhausted, "UPLOAD_QUOTA"), (refused.StatusCode, Reason(refused)));
        Assert.Contains("3 uploads", refused.Status.Detail, StringComparison.Ordinal);
        Assert.Null(await Upload(gateway, gateway.Root, [4]));
    }

    [Fact]
    public async Task Uploads_TooLargeTogether_AreRefused()
    {
        await using var gateway = TestGateway.Start(o => o.Scheduling.Roles["user"] = new() { MaxUploadMb = 1 });
        Assert.Null(await Upload(gateway, gateway.Alice, new byte[60_000]));
        var large = RandomNumberGenerator.GetBytes(1_000_000);
        var refused = (await Upload(gateway, gateway.Alice, large))!;
        Assert.Equal("UPLOAD_QUOTA", Reason(refused));
        Assert.Contains("at most 1 MiB", refused.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nodes_TooMany_AreRefusedAndOnesOwnMayRegisterAgain()
    {
        await using var gateway = TestGateway.Start(o => o.Scheduling.Roles["user"] = new() { MaxNodes = 2 });
        gateway.Grains.AddOthers<INodeGrain>(id => Stub<INodeGrain>.New()
            .On("Register", _ => Task.FromResult(new NodeRegistered(id, "token"))).On("GetSnapshot", _ => Task.FromResult<NodeSnapshot?>(null))
            .On("Unregister", _ => Task.CompletedTask).Object);
        Wire.RegisterNodeRequest Node(string id) => new() { NodeId = id, Capabilities = new() { CpuCores = 1, MemoryMb = 1024 } };
        foreach (var id in new[] { "a", "b", "a" }) await gateway.Nodes.RegisterNodeAsync(Node(id), TestGateway.With(gateway.Alice));

        var refused = await TestGateway.Fails(gateway.Nodes.RegisterNodeAsync(Node("c"), TestGateway.With(gateway.Alice)));

        Assert.Equal((StatusCode.ResourceExhausted, "NODE_QUOTA"), (refused.StatusCode, Reason(refused)));
        Assert.Contains("2 nodes registered, and at most 2", refused.Status.Detail, StringComparison.Ordinal);
        await gateway.Nodes.UnregisterNodeAsync(new() { NodeId = "a" }, TestGateway.With(gateway.Alice));
        await gateway.Nodes.RegisterNodeAsync(Node("c"), TestGateway.With(gateway.Alice));
    }

    [Theory]
    [InlineData("OPEN_QUOTA", "2 of your tasks")]
    [InlineData("PAYLOAD_QUOTA", "at most 1 MiB")]
    [InlineData("URGENT_QUOTA", "1 of your open tasks")]
    [InlineData("OUTPUT_QUOTA", "at most 1 MiB")]
    public async Task Submits_BeyondAQuota_SayWhichAndHowMuch(string quota, string said)
    {
        await using var gateway = TestGateway.Start(o => o.Scheduling.Roles["user"] = new()
        {
            MaxOpen = quota == "OPEN_QUOTA" ? 2 : 0, MaxPayloadMb = quota == "PAYLOAD_QUOTA" ? 1 : 0, MaxUrgent = quota == "URGENT_QUOTA" ? 1 : 0,
            MaxOutputsMb = quota == "OUTPUT_QUOTA" ? 1 : 0,
        });
        _ = new FakeTasks(gateway);
        Wire.SubmitTaskRequest Urgent() => new()
        {
            TaskType = "python", TaskData = ByteString.CopyFrom(new byte[300_000]), Priority = Wire.TaskPriority.Urgent,
        };
        RpcException? refused = null;
        for (var i = 0; i < 5 && refused is null; i++)
        {
            if (i == 1) gateway.Database.On("OutputBytes", _ => Task.FromResult(2L << 20));
            try
            {
                await gateway.Master.SubmitTaskAsync(Urgent(), TestGateway.With(gateway.Alice));
            }
            catch (RpcException error)
            {
                refused = error;
            }
        }

        Assert.Equal((StatusCode.ResourceExhausted, quota), (refused!.StatusCode, Reason(refused)));
        Assert.Contains(said, refused.Status.Detail, StringComparison.Ordinal);
        Assert.NotNull(refused.GetRpcStatus()!.GetDetail<RetryInfo>());
    }

    [Fact]
    public async Task StreamStarts_TooFast_AreRefusedAsUnaryCallsAre()
    {
        await using var gateway = TestGateway.Start(o => o.RateLimit = new() { RequestsPerSecond = 1, Burst = 3 });
        _ = new FakeTasks(gateway);
        var refusals = 0;
        for (var i = 0; i < 20; i++)
            if (await Upload(gateway, gateway.Alice, [(byte)i]) is { } error && Reason(error) == "RATE_LIMIT") refusals++;
        Assert.InRange(refusals, 10, 17);
    }
}

using Grpc.Core;
using HiveMind.Auditing;
using HiveMind.Storage;
using HiveMind.Users;
using Wire = HiveMind.Protos;

namespace HiveMind.Tests.Gateway;

public sealed class AdminRpcTests
{
    [Fact]
    public async Task EveryAdminRpc_ByOthers_IsRefused()
    {
        await using var gateway = TestGateway.Start();
        var (user, node, nobody) = (TestGateway.With(gateway.Alice), TestGateway.With(gateway.NodeToken), new Metadata());
        foreach (var (who, code) in new[] { (user, StatusCode.PermissionDenied), (node, StatusCode.PermissionDenied), (nobody, StatusCode.Unauthenticated) })
        {
            Assert.Equal(code, (await TestGateway.Fails(gateway.Admin.ListUsersAsync(new(), who))).StatusCode);
            Assert.Equal(code, (await TestGateway.Fails(gateway.Admin.GetUserAsync(new(), who))).StatusCode);
            Assert.Equal(code, (await TestGateway.Fails(gateway.Admin.SetUserRoleAsync(new(), who))).StatusCode);
            Assert.Equal(code, (await TestGateway.Fails(gateway.Admin.SetUserActiveAsync(new(), who))).StatusCode);
            Assert.Equal(code, (await TestGateway.Fails(gateway.Admin.ResetPasswordAsync(new(), who))).StatusCode);
            Assert.Equal(code, (await TestGateway.Fails(gateway.Admin.EndSessionsAsync(new(), who))).StatusCode);
            Assert.Equal(code, (await TestGateway.Fails(gateway.Admin.AdjustCreditsAsync(new(), who))).StatusCode);
            Assert.Equal(code, (await TestGateway.Fails(gateway.Admin.MakeRegistrationCodeAsync(new(), who))).StatusCode);
            Assert.Equal(code, (await TestGateway.Fails(gateway.Admin.ListRegistrationCodesAsync(new(), who))).StatusCode);
            Assert.Equal(code, (await TestGateway.Fails(gateway.Admin.RevokeRegistrationCodeAsync(new(), who))).StatusCode);
            Assert.Equal(code, (await TestGateway.Fails(gateway.Admin.ListAuditAsync(new(), who))).StatusCode);
        }
    }

    [Fact]
    public async Task EveryAdminRpc_InOpenModeWithoutALogin_IsRefused()
    {
        await using var gateway = TestGateway.Start(o => o.Auth.Mode = AuthMode.Open);

        Assert.Equal(StatusCode.Unauthenticated, (await TestGateway.Fails(gateway.Admin.ListAuditAsync(new()))).StatusCode);
    }

    [Fact]
    public async Task ListUsers_PageByPage_AsksForWhatFollows()
    {
        await using var gateway = TestGateway.Start();
        var asked = new List<string>();
        gateway.AccountStore.On("Search", a =>
        {
            asked.Add((string)a[1]!);
            var most = (int)a[2]!;
            IReadOnlyList<ListedAccount> page = [.. Enumerable.Range(0, asked.Count == 1 ? most : 1).Select(i => new ListedAccount(Account($"{asked.Count}-{i}"), 5_000_000))];
            return Task.FromResult(page);
        });
        var first = await gateway.Admin.ListUsersAsync(new() { PageSize = 2, State = "active" }, TestGateway.With(gateway.Root));
        var second = await gateway.Admin.ListUsersAsync(new() { PageSize = 2, PageToken = first.NextPageToken }, TestGateway.With(gateway.Root));

        Assert.Equal(["", "1-1"], asked);
        Assert.Equal((2, 1, ""), (first.Users.Count, second.Users.Count, second.NextPageToken));
        Assert.Equal(("1-0", 5.0), (first.Users[0].Username, first.Users[0].BalanceCredits));
        Assert.DoesNotContain("secret", first.ToString(), StringComparison.Ordinal);
    }

    public static TheoryData<string, Func<TestGatewayCalls, Task>> BadRequests => new()
    {
        { "role", calls => calls.Admin.SetUserRoleAsync(new() { User = "alice", Role = "boss" }, calls.Root).ResponseAsync },
        { "state", calls => calls.Admin.ListUsersAsync(new() { State = "asleep" }, calls.Root).ResponseAsync },
        { "page_size", calls => calls.Admin.ListUsersAsync(new() { PageSize = 501 }, calls.Root).ResponseAsync },
        { "page_token", calls => calls.Admin.ListUsersAsync(new() { PageToken = "?" }, calls.Root).ResponseAsync },
        { "credits", calls => calls.Admin.AdjustCreditsAsync(new() { User = "alice", Credits = 0, Reason = "x" }, calls.Root).ResponseAsync },
        { "credits", calls => calls.Admin.AdjustCreditsAsync(new() { User = "alice", Credits = double.NaN, Reason = "x" }, calls.Root).ResponseAsync },
        { "credits", calls => calls.Admin.AdjustCreditsAsync(new() { User = "alice", Credits = 1e300, Reason = "x" }, calls.Root).ResponseAsync },
        { "reason", calls => calls.Admin.AdjustCreditsAsync(new() { User = "alice", Credits = 1, Reason = " " }, calls.Root).ResponseAsync },
        { "uses", calls => calls.Admin.MakeRegistrationCodeAsync(new() { Uses = -1 }, calls.Root).ResponseAsync },
        { "valid_seconds", calls => calls.Admin.MakeRegistrationCodeAsync(new() { ValidSeconds = 1 }, calls.Root).ResponseAsync },
        { "username", calls => calls.Admin.MakeRegistrationCodeAsync(new() { Username = "a b" }, calls.Root).ResponseAsync },
        { "since", calls => calls.Admin.ListAuditAsync(new() { Since = "yesterday" }, calls.Root).ResponseAsync },
    };

    [Theory, MemberData(nameof(BadRequests), DisableDiscoveryEnumeration = true)]
    public async Task AdminRequest_Bad_NamesTheField(string field, Func<TestGatewayCalls, Task> call)
    {
        await using var gateway = TestGateway.Start();

        var error = await Assert.ThrowsAsync<RpcException>(() => call(new(gateway.Admin, TestGateway.With(gateway.Root))));

        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.Equal([field], error.GetRpcStatus()!.GetDetail<Google.Rpc.BadRequest>()!.FieldViolations.Select(violation => violation.Field));
    }

    [Fact]
    public async Task Admin_ActingForAnother_IsNotedAndKnownAsTheActor()
    {
        await using var gateway = TestGateway.Start();
        AuditEvent? noted = null;
        Caller? caller = null;
        gateway.Tally.On("Note", a => { noted = (AuditEvent)a[0]!; return Task.CompletedTask; });
        gateway.Accounts.On("Update", a => { caller = (Caller)a[0]!; return Task.FromResult(Account("alice")); });

        await gateway.Users.UpdateUserProfileAsync(new() { UserId = "alice", DisplayName = "A" }, TestGateway.With(gateway.Root));

        Assert.Equal(("root", AuditActions.ActedFor, "alice", "/nodepool.UserService/UpdateUserProfile"), (noted!.Actor.Id, noted.Action, noted.Subject, noted.After));
        Assert.Equal(("alice", "root", "127.0.0.1"), (caller!.UserId, caller.ActingAdmin, caller.Address));
        Assert.Equal(new Actor("root", "127.0.0.1"), Actor.Of(caller));
    }

    [Fact]
    public async Task Admin_LookingAtAnothersTask_IsNoted_AndTheOwnerIsNot()
    {
        await using var gateway = TestGateway.Start();
        var id = HiveMind.Tasks.TaskIds.New("alice", "1");
        gateway.AddTask(id, "alice", HiveMind.Tasks.TaskState.Completed);
        var noted = new List<AuditEvent>();
        gateway.Tally.On("Note", a => { noted.Add((AuditEvent)a[0]!); return Task.CompletedTask; });

        await gateway.Master.GetTaskStatusAsync(new() { TaskId = id }, TestGateway.With(gateway.Alice));
        await gateway.Master.GetTaskStatusAsync(new() { TaskId = id }, TestGateway.With(gateway.Root));

        Assert.Equal(("root", "alice", "/nodepool.MasterNodeService/GetTaskStatus"), (Assert.Single(noted).Actor.Id, noted[0].Subject, noted[0].After));
    }

    [Fact]
    public async Task Node_RegisteredAndRemoved_IsNotedWithWhoAndFromWhere()
    {
        await using var gateway = TestGateway.Start();
        var noted = new List<AuditEvent>();
        gateway.Audit.On("Note", a => { noted.Add((AuditEvent)a[0]!); return Task.CompletedTask; });
        gateway.Node.On("Register", _ => Task.FromResult(new HiveMind.Nodes.NodeRegistered("node-1", "token"))).On("Unregister", _ => Task.CompletedTask);
        var request = new Wire.RegisterNodeRequest { NodeId = "node-1", Capabilities = new() { CpuCores = 8, MemoryMb = 16384 } };
        await gateway.Nodes.RegisterNodeAsync(request, TestGateway.With(gateway.Alice));
        await gateway.Nodes.UnregisterNodeAsync(new() { NodeId = "node-1" }, TestGateway.With(gateway.Alice));

        Assert.Equal([(AuditActions.NodeRegistered, "node-1", "alice", "127.0.0.1"), (AuditActions.NodeRemoved, "node-1", "alice", "127.0.0.1")],
            noted.Select(entry => (entry.Action, entry.Subject, entry.Actor.Id, entry.Actor.Address)));
    }

    [Fact]
    public async Task Account_WithAPasswordOfAnAdmins_MustChangeItFirst()
    {
        await using var gateway = TestGateway.Start();
        gateway.Grains.Add("alice", Stub<IUserGrain>.New()
            .On("CheckSession", _ => Task.FromResult(new Caller("alice", "alice", Roles.User) { MustChangePassword = true }))
            .On("GetAccount", _ => Task.FromResult<AccountRow?>(Account("alice"))).Object);
        gateway.Accounts.On("Update", _ => Task.FromResult(Account("alice")));
        var me = TestGateway.With(gateway.Alice);

        var refusal = await TestGateway.Fails(gateway.Master.ListTasksAsync(new(), me));

        Assert.Equal((StatusCode.FailedPrecondition, "PASSWORD_CHANGE_NEEDED"), (refusal.StatusCode, refusal.GetRpcStatus()!.GetDetail<Google.Rpc.ErrorInfo>()!.Reason));
        await gateway.Users.GetUserInfoAsync(new(), me);
        await gateway.Users.UpdateUserProfileAsync(new() { CurrentPassword = "x", NewPassword = "staple battery horse" }, me);
    }

    [Fact]
    public async Task UpdateUserProfile_OwnEMailWithoutThePassword_NamesTheField()
    {
        await using var gateway = TestGateway.Start();
        gateway.Accounts.On("Update", _ => Task.FromResult(Account("alice")));

        var refusal = await TestGateway.Fails(gateway.Users.UpdateUserProfileAsync(new() { Email = "new@example.org" }, TestGateway.With(gateway.Alice)));

        Assert.Equal("current_password", refusal.GetRpcStatus()!.GetDetail<Google.Rpc.BadRequest>()!.FieldViolations.Single().Field);
        await gateway.Users.UpdateUserProfileAsync(new() { UserId = "alice", Email = "new@example.org" }, TestGateway.With(gateway.Root));
    }

    private static AccountRow Account(string name) => new()
    {
        UserId = name, Username = name, Email = $"{name}@example.org", PasswordHash = "secret-hash", Salt = "secret-salt", CreatedAt = DateTimeOffset.UnixEpoch,
    };

    public sealed record TestGatewayCalls(Wire.AdminService.AdminServiceClient Admin, Metadata Root);
}

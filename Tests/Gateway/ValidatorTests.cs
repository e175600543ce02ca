using Google.Protobuf;
using HiveMind.Edge;
using HiveMind.Nodes;
using HiveMind.Protos;
using HiveMind.Tasks;
using HiveMind.Users;

namespace HiveMind.Tests.Gateway;

public sealed class ValidatorTests
{
    [Theory]
    [InlineData("al", "secure_password", "a@example.org", "username")]
    [InlineData("../etc", "secure_password", "a@example.org", "username")]
    [InlineData("x'; DROP TABLE users;--", "secure_password", "a@example.org", "username")]
    [InlineData("alice", "short", "a@example.org", "password")]
    [InlineData("alice", "secure_password", "not-an-address", "email")]
    [InlineData("alice", "secure_password", "a@@example.org", "email")]
    [InlineData("alice", "secure_password", "a@example.org\n", "email")]
    [InlineData("alice", "secure_password", "a@example", "email")]
    [InlineData("alice", "secure_password", "", "email")]
    public void RegisterUser_OneBadField_NamesIt(string username, string password, string email, string field)
    {
        var problems = UserRules.Check(new RegisterUserRequest { Username = username, Password = password, Email = email });
        Assert.Equal([field], problems.Select(p => p.Field));
    }

    [Fact]
    public void RegisterUser_AllBad_NamesAllAtOnce() =>
        Assert.Equal(["username", "password", "email"], UserRules.Check(new RegisterUserRequest()).Select(p => p.Field));

    [Fact]
    public void RegisterUser_SeedSnippet_IsFine() => Assert.Empty(UserRules.Check(
        new RegisterUserRequest { Username = "john_doe", Password = "secure_password123", Email = "john@example.com" }));

    [Fact]
    public void UpdateProfile_OwnPasswordWithoutCurrent_NamesCurrent()
    {
        var request = new UpdateUserProfileRequest { NewPassword = "another_password" };
        Assert.Equal(["current_password"], UserRules.Check(request, own: true).Select(p => p.Field));
        Assert.Empty(UserRules.Check(request, own: false));
    }

    public static TheoryData<string, Action<SubmitTaskRequest>> BadTasks => new()
    {
        { "task_type", r => r.TaskType = "cobol" },
        { "task_type", r => r.TaskType = "noop" },
        { "task_data", r => r.TaskData = ByteString.Empty },
        { "task_data", r => r.TaskData = UnsafeByteOperations.UnsafeWrap(new byte[Limits.PayloadBytes + 1]) },
        { "requirements.cpu_cores", r => r.Requirements.CpuCores = -1 },
        { "requirements.cpu_cores", r => r.Requirements.CpuCores = double.NaN },
        { "requirements.cpu_cores", r => r.Requirements.CpuCores = 1e9 },
        { "requirements.memory_mb", r => r.Requirements.MemoryMb = -1 },
        { "requirements.gpu_count", r => r.Requirements.GpuCount = -1 },
        { "requirements.gpu_count", r => r.Requirements.GpuCount = 1025 },
        { "requirements.gpu_model", r => r.Requirements.GpuModel = "H200\n" },
        { "requirements.gpu_model", r => r.Requirements.GpuModel = new string('x', 129) },
        { "requirements.gpu_memory_mb", r => r.Requirements.GpuMemoryMb = -1 },
        { "requirements.disk_mb", r => r.Requirements.DiskMb = -1 },
        { "requirements.disk_mb", r => r.Requirements.DiskMb = 1L << 40 },
        { "requirements.labels", r => r.Requirements.Labels = "zone = " },
        { "requirements.labels", r => r.Requirements.Labels = new string('x', 1025) },
        { "requirements.timeout_seconds", r => r.Requirements.TimeoutSeconds = (7 * 24 * 3600) + 1 },
        { "priority", r => r.Priority = (HiveMind.Protos.TaskPriority)9 },
        { "request_id", r => r.RequestId = new string('x', 129) },
        { "arguments", r => r.Arguments.Add("a\0b") },
        { "arguments", r => r.Arguments.Add(new string('x', 70_000)) },
        { "environment", r => r.Environment[""] = "x" },
        { "environment", r => r.Environment["1A"] = "x" },
        { "environment", r => r.Environment["A B"] = "x" },
        { "environment", r => r.Environment["\u00c4"] = "x" },
        { "environment", r => r.Environment["A=B"] = "x" },
        { "environment", r => r.Environment[new string('A', 129)] = "x" },
        { "environment", r => r.Environment["A"] = "a\0b" },
        { "environment", r => r.Environment["A"] = new string('x', 70_000) },
        { "environment", r => r.Environment["LD_PRELOAD"] = "x" },
        { "environment", r => r.Environment["DYLD_INSERT_LIBRARIES"] = "x" },
        { "environment", r => r.Environment["HIVEMIND_ATTEMPT"] = "9" },
        { "environment", r => r.Environment["PYTHONHOME"] = "/x" },
        { "environment", r => r.Environment["BASH_FUNC_ls%%"] = "() { :; }" },
        { "environment", r => { for (var i = 0; i < 257; i++) r.Environment[$"A{i}"] = ""; } },
        { "grace_seconds", r => r.GraceSeconds = -2 },
        { "grace_seconds", r => r.GraceSeconds = 301 },
        { "lease_seconds", r => r.LeaseSeconds = -1 },
        { "lease_seconds", r => r.LeaseSeconds = 86401 },
        { "standard_input_sha256", r => (r.StandardInputSha256, r.StandardInputSize) = ("x", 1) },
        { "standard_input_size", r => r.StandardInputSha256 = new string('a', 64) },
        { "standard_input_size", r => r.StandardInputSize = 5 },
        { "retry.exit_codes", r => r.Retry = new() { ExitCodes = { 0 } } },
        { "retry.exit_codes", r => r.Retry = new() { ExitCodes = { 75, 256 } } },
        { "retry.exit_codes", r => r.Retry = new() { ExitCodes = { Enumerable.Range(1, 65) } } },
        { "retry.max_attempts", r => r.Retry = new() { MaxAttempts = -1 } },
        { "retry.max_attempts", r => r.Retry = new() { MaxAttempts = 21 } },
        { "queue_deadline_seconds", r => r.QueueDeadlineSeconds = -1 },
        { "queue_deadline_seconds", r => r.QueueDeadlineSeconds = long.MaxValue },
        { "total_timeout_seconds", r => r.TotalTimeoutSeconds = -1 },
        { "total_timeout_seconds", r => r.TotalTimeoutSeconds = (4 * 7 * 24 * 3600) + 1 },
        { "standard_input", r => r.StandardInput = ByteString.CopyFrom(new byte[70_000]) },
    };

    [Theory, MemberData(nameof(BadTasks), DisableDiscoveryEnumeration = true)]
    public void SubmitTask_OneBadField_NamesIt(string field, Action<SubmitTaskRequest> spoil)
    {
        var request = new SubmitTaskRequest { TaskType = "python", TaskData = ByteString.CopyFromUtf8("1"), Requirements = new TaskRequirements() };
        Assert.Empty(TaskRules.Check(request, new TaskOptions()));
        spoil(request);
        Assert.Equal([field], TaskRules.Check(request, new TaskOptions()).Select(p => p.Field));
    }

    [Fact]
    public void SubmitTask_ConfiguredTypes_AreKnown()
    {
        var options = new TaskOptions { AllowNoop = true, Types = ["render"] };
        Assert.True(TaskRules.IsKnownType("noop", options));
        Assert.True(TaskRules.IsKnownType("render", options));
    }

    public static TheoryData<string, Action<RegisterNodeRequest>> BadNodes => new()
    {
        { "node_id", r => r.NodeId = "../../x" },
        { "node_id", r => r.NodeId = new string('n', 65) },
        { "node_type", r => r.NodeType = "queen" },
        { "hostname", r => r.Hostname = "a\nb" },
        { "port", r => r.Port = 65536 },
        { "capabilities", r => r.Capabilities = null },
        { "capabilities.cpu_cores", r => r.Capabilities.CpuCores = -2 },
        { "capabilities.cpu_cores", r => r.Capabilities.CpuCores = double.PositiveInfinity },
        { "capabilities.memory_mb", r => r.Capabilities.MemoryMb = 0 },
        { "capabilities.supported_tasks", r => r.Capabilities.SupportedTasks.Add("a/b") },
        { "capabilities.gpu_memory_mb", r => r.Capabilities.GpuMemoryMb = -1 },
        { "capabilities.disk_mb", r => r.Capabilities.DiskMb = -1 },
        { "capabilities.labels[gpu.model]", r => r.Capabilities.Labels["gpu.model"] = "H200" },
        { "capabilities.labels[node.owner]", r => r.Capabilities.Labels["node.owner"] = "root" },
        { "capabilities.labels[machine.x]", r => r.Capabilities.Labels["machine.x"] = "y" },
        { "capabilities.labels[]", r => r.Capabilities.Labels[""] = "x" },
        { "capabilities.labels[a b]", r => r.Capabilities.Labels["a b"] = "x" },
        { "capabilities.labels[zone]", r => r.Capabilities.Labels["zone"] = "a b" },
        { "capabilities.labels[zone]", r => r.Capabilities.Labels["zone"] = new string('z', 64) },
        { "capabilities.labels", r => { for (var i = 0; i < 65; i++) r.Capabilities.Labels[$"l{i}"] = ""; } },
    };

    [Theory, MemberData(nameof(BadNodes), DisableDiscoveryEnumeration = true)]
    public void RegisterNode_OneBadField_NamesIt(string field, Action<RegisterNodeRequest> spoil)
    {
        var request = new RegisterNodeRequest { NodeId = "worker-001", Capabilities = new() { CpuCores = 8, MemoryMb = 16384 } };
        Assert.Empty(NodeRules.Check(request));
        spoil(request);
        Assert.Equal([field], NodeRules.Check(request).Select(p => p.Field));
    }

    [Theory]
    [InlineData(0, 1000)]
    [InlineData(0.07, 70)]
    [InlineData(0.0001, 1)]
    [InlineData(1.5001, 1501)]
    public void ToResources_Cores_AreRoundedUp(double cores, int expected) =>
        Assert.Equal(expected, TaskMapping.ToResources(new TaskRequirements { CpuCores = cores }).MilliCores);

    [Fact]
    public void StderrRoom_BothOutputsFull_KeepsATailWithinTheMessage()
    {
        var full = new BlobRef(Limits.AnswerBytes - (48 * 1024), "x", null); // nearly all that one answer holds
        var task = new TaskSnapshot
        {
            TaskId = "t",
            State = HiveMind.Tasks.TaskState.Failed,
            CreatedAt = DateTimeOffset.UnixEpoch,
            Result = full,
            Stderr = full,
            Spec = new TaskSpec { UserId = "u", TaskType = "python", Payload = BlobRef.Empty, Resources = new(1, 1, 0) },
        };
        Assert.InRange(ResultReader.StderrRoom(task), 32 * 1024, 64 * 1024);
        Assert.Equal(full.Size, ResultReader.StderrRoom(task with { Result = BlobRef.Empty }));
    }
}

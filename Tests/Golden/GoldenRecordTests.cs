using System.Reflection;
using HiveMind.Nodes;
using HiveMind.Rewards;
using HiveMind.Scheduling;
using HiveMind.Tasks;
using HiveMind.Users;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime;
using Orleans.Serialization;
using Orleans.Storage;

namespace HiveMind.Tests.Golden;

/// <summary>
/// Records written by an earlier build, as grain storage writes them, are read by this one. A test that fails here means that stored
/// data of running pools would be misread: append fields with new ids instead, or raise the version and read the old one too.
/// New golden files: run this class with HIVEMIND_WRITE_GOLDEN=&lt;this folder&gt;; its tests then write and fail, saying so.
/// </summary>
public sealed class GoldenRecordTests
{
    private const string WriteTo = "HIVEMIND_WRITE_GOLDEN";
    private const string Advice =
        "Pools hold such records: never renumber, retype or drop a field. Append it with a new id and add it to a new golden file.";
    private static readonly DateTimeOffset Noon = new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);
    private static readonly OrleansGrainStorageSerializer Storage =
        new(new ServiceCollection().AddSerializer(serializer => serializer.AddAssembly(typeof(TaskRecord).Assembly)
            .AddAssembly(typeof(TaskSpec).Assembly)).BuildServiceProvider().GetRequiredService<Serializer>());

    private static readonly TaskSpec Spec = new()
    {
        UserId = "u-0011223344556677", TaskType = "python",
        Payload = new BlobRef(8, new string('a', 64), [112, 114, 105, 110, 116, 40, 49, 41]),
        Resources = new ResourceRequest(1500, 768, 2), Priority = TaskPriority.Urgent, RunTimeout = TimeSpan.FromSeconds(90.5),
        Arguments = ["--size", "10", ""], StandardInput = [0, 255, 10],
    };

    private static readonly AttemptRecord Lost = new()
    {
        Number = 1, NodeId = "node-1", OwnerId = "u-lender", Epoch = 3, AssignedAt = Noon.AddSeconds(1), EndedAt = Noon.AddSeconds(16),
        Cause = Causes.NodeLost, RunMs = 0, DueMicros = 0, Counts = true,
    };

    private static readonly AttemptRecord Running = new()
    {
        Number = 2, NodeId = "node-2", OwnerId = "u-other", Epoch = 41, AssignedAt = Noon.AddSeconds(17),
    };

    private static readonly TaskRecord Waiting = new()
    {
        Version = 1, Spec = Spec, State = TaskState.Pending, CreatedAt = Noon, NotBefore = Noon.AddSeconds(16), Attempts = [],
    };

    private static readonly TaskRecord Traced =
        Waiting with { Spec = Spec with { TraceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" } };

    private static readonly TaskRecord Assigned = Waiting with { State = TaskState.Assigned, Attempts = [Lost, Running] };

    private static readonly TaskRecord Completed = Assigned with
    {
        State = TaskState.Completed,
        Attempts =
        [
            Lost,
            Running with
            {
                StartedAt = Noon.AddSeconds(18), EndedAt = Noon.AddSeconds(20.25), Cause = Causes.Completed, RunMs = 2250,
                DueMicros = 13485, Counts = true,
            },
        ],
        Outcome = new OutcomeRecord
        {
            Reason = "", ErrorMessage = "a warning", ExitCode = 0, Result = new BlobRef(5000, new string('b', 64), null),
            Stderr = new BlobRef(2, new string('c', 64), [111, 107]), EndedAt = Noon.AddSeconds(20.25),
        },
    };

    private static readonly TaskRecord Retried = Waiting with
    {
        Spec = Spec with
        {
            Resources = Spec.Resources with { DiskMb = 2048 }, Labels = "zone in (a, b)", QueueDeadline = TimeSpan.FromMinutes(5),
            TotalTimeout = TimeSpan.FromHours(2), Role = "admin",
            Retry = new RetrySpec { ExitCodes = [1, 75], AnyFailure = true, OnTimeout = true, OnLostNode = false, MaxAttempts = 4 },
        },
        NotBefore = Noon.AddSeconds(21.5),
        Attempts =
        [
            Running with
            {
                Number = 1, StartedAt = Noon.AddSeconds(18), EndedAt = Noon.AddSeconds(20.25), Cause = Causes.ProgramFailed, RunMs = 2250, DueMicros = 13485,
                Counts = true, ExitCode = 75, MemoryPeakMb = 321, CpuMs = 1987,
            },
        ],
    };

    private static readonly TaskRecord Held = Waiting with { Spec = Spec with { Hold = new TaskHold(3_075_000, 1_025_000, 3) } };

    private static readonly TaskRecord Signalled = Retried with
    {
        State = TaskState.Failed,
        Spec = Spec with { StandardInput = [], Environment = ["A=1", "B=x=y"], Grace = TimeSpan.FromSeconds(30), StandardInputFile = new BlobRef(70_000, new string('d', 64), null) },
        Attempts = [Retried.Attempts[0] with { ExitCode = 0, TermSignal = 11 }],
        Outcome = new OutcomeRecord { Reason = Causes.ProgramFailed, ErrorMessage = "Ended by signal 11.", TermSignal = 11, EndedAt = Noon.AddSeconds(20.25) },
    };

    private static readonly NodeRecord Node = new()
    {
        Version = 1, OwnerId = "u-lender", OwnerName = "lena", NodeType = NodeTypes.Worker, Hostname = "lenas-machine", Port = 7001,
        Capabilities = new NodeCapabilities
        {
            CpuCores = 7.5, MemoryMb = 16384, GpuCount = 1, GpuModel = "some model", SupportedTasks = ["python", "docker"],
            Sandboxed = true, AcceptsStrangers = true, WorkerVersion = "0.1.0",
        },
        TokenHash = [.. Enumerable.Range(0, 32).Select(i => (byte)i)], Epoch = 42, HoldsLease = true,
        RegisteredAt = Noon, LastChangeAt = Noon.AddDays(1),
    };

    private static readonly NodeRecord Draining = Node with { Cordoned = "new memory", DrainDeadline = Noon.AddDays(1).AddMinutes(10) };

    private static readonly NodeRecord Silent = Node with
    {
        HoldsLease = false, Instance = "0123456789abcdef", MachineId = "m-1", EarnedShare = 16, SilentSince = Noon.AddDays(1).AddSeconds(-15),
    };

    private static readonly TaskRecord Leased = Assigned with { Spec = Spec with { Lease = TimeSpan.FromHours(2) } };

    private static readonly UserRecord User = new()
    {
        Version = 1,
        Sessions =
        [
            new() { SessionId = "first", SecretHash = [1, 2, 3], CreatedAt = Noon, ExpiresAt = Noon.AddHours(1) },
            new() { SessionId = "second", SecretHash = [4, 5, 6], CreatedAt = Noon.AddMinutes(1), ExpiresAt = Noon.AddHours(2) },
        ],
    };

    private static readonly UserRecord Used = new()
    {
        Version = 1,
        Sessions =
        [
            new()
            {
                SessionId = "third", SecretHash = [7, 8, 9], CreatedAt = Noon, ExpiresAt = Noon.AddHours(1), LastUsedAt = Noon.AddMinutes(3), Address = "192.0.2.7",
                Client = "grpc-dotnet/2.80",
            },
        ],
    };

    [Fact]
    public void Read_TaskThatWaits_SameFields() => Reads("task-waiting", Waiting);

    [Fact]
    public void Read_TaskThatIsTraced_SameFields() => Reads("task-traced", Traced);

    [Fact]
    public void Read_TaskThatIsAssigned_SameFields() => Reads("task-assigned", Assigned);

    [Fact]
    public void Read_TaskThatCompleted_SameFields() => Reads("task-completed", Completed);

    [Fact]
    public void Read_TaskThatIsRetried_SameFields() => Reads("task-retried", Retried);

    [Fact]
    public void Read_TaskWithAHold_SameFields() => Reads("task-held", Held);

    [Fact]
    public void Read_TaskThatASignalEnded_SameFields() => Reads("task-signalled", Signalled);

    [Fact]
    public void Read_Node_SameFields() => Reads("node", Node);

    [Fact]
    public void Read_NodeThatDrains_SameFields() => Reads("node-draining", Draining);

    [Fact]
    public void Read_NodeThatIsSilent_SameFields() => Reads("node-silent", Silent);

    [Fact]
    public void Read_TaskWithALease_SameFields() => Reads("task-leased", Leased);

    [Fact]
    public void Read_User_SameFields() => Reads("user", User);

    [Fact]
    public void Read_UserWithUsedSessions_SameFields() => Reads("user-used", Used);

    [Fact]
    public void StoredTypes_All_CarryTheirVersionFirstAndHaveAGoldenRecord()
    {
        var stored = typeof(TaskGrain).Assembly.GetTypes()
            .SelectMany(type => type.GetConstructors()).SelectMany(made => made.GetParameters())
            .Select(parameter => parameter.ParameterType)
            .Where(type => type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IPersistentState<>))
            .Select(type => type.GetGenericArguments()[0]).ToHashSet();

        Assert.Equal([typeof(NodeRecord), typeof(TaskRecord), typeof(UserRecord)], stored.OrderBy(type => type.Name));
        foreach (var type in stored)
        {
            var current = type.GetField("CurrentVersion", BindingFlags.Public | BindingFlags.Static);
            var version = type.GetProperty("Version");
            Assert.True(current is { IsLiteral: true } && version?.PropertyType == typeof(int), $"{type.Name} has no version");
            Assert.Equal(0u, version!.GetCustomAttribute<IdAttribute>()!.Id);
            Assert.Equal(current!.GetRawConstantValue(), version.GetValue(Activator.CreateInstance(type)));
            var alias = type.GetCustomAttribute<AliasAttribute>();
            Assert.True(alias is not null, $"{type.Name} has no alias: renaming it would lose what is stored");
        }
    }

    private static void Reads<T>(string name, T expected)
    {
        if (Environment.GetEnvironmentVariable(WriteTo) is { Length: > 0 } folder)
        {
            File.WriteAllBytes(Path.Combine(folder, $"{name}.bin"), Storage.Serialize(expected).ToArray());
            Assert.Fail($"{name}.bin was written; unset {WriteTo} to read it.");
        }

        using var file = typeof(GoldenRecordTests).Assembly.GetManifestResourceStream($"HiveMind.Golden.{name}.bin");
        Assert.True(file is not null, $"{name}.bin is not in the test assembly");
        var read = Storage.Deserialize<T>(BinaryData.FromStream(file!));

        var (wanted, got) = (Fields(expected, name), Fields(read, name));
        Assert.True(wanted.SequenceEqual(got), $"{name}.bin is read as something else: {string.Join("; ", got.Except(wanted))} "
            + $"instead of {string.Join("; ", wanted.Except(got))}. {Advice}");
    }

    /// <summary>Every field with its path, so that a difference names itself.</summary>
    private static List<string> Fields(object? value, string path) => value switch
    {
        null => [$"{path} = null"],
        string or ValueType => [FormattableString.Invariant($"{path} = {(value is DateTimeOffset at ? at.ToString("O") : value)}")],
        byte[] bytes => [$"{path} = {Convert.ToHexString(bytes)}"],
        System.Collections.IEnumerable list => [.. list.Cast<object?>().SelectMany((one, i) => Fields(one, $"{path}[{i}]"))],
        _ => [.. value.GetType().GetProperties().Where(property => property.IsDefined(typeof(IdAttribute)))
            .SelectMany(property => Fields(property.GetValue(value), $"{path}.{property.Name}"))],
    };
}

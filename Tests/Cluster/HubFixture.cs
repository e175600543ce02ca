using System.Collections.Concurrent;
using HiveMind.Configuration;
using HiveMind.Hosting;
using HiveMind.Nodes;
using HiveMind.Scheduling;
using HiveMind.Storage;
using HiveMind.Tasks;
using HiveMind.Users;
using HiveMind.Tests.Processes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Orleans.TestingHost;

namespace HiveMind.Tests.Cluster;

[CollectionDefinition(Name)]
public sealed class HubCollection : ICollectionFixture<HubFixture>
{
    public const string Name = "hub in a cluster";
}

/// <summary>
/// The hub's grains in one silo on real stores (embedded state store, database, files) with a clock that only tests move. Shared: what a test
/// makes has names of its own, and a task type of its own keeps its tasks off the others' machines.
/// </summary>
public sealed class HubFixture : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly string _directory = Directory.CreateTempSubdirectory("hivemind-cluster-").FullName;
    private Stores _stores = null!;
    private InProcessTestCluster _cluster = null!;
    private readonly ConcurrentDictionary<Machine, bool> _machines = [];
    private int _names;

    /// <summary>What stands between two grains: a call by the name of its method and the key of its target. It may throw, or wait.</summary>
    internal Func<string, string, Task> OnCall { get; set; } = (_, _) => System.Threading.Tasks.Task.CompletedTask;

    public FakeTimeProvider Clock { get; } = new(new DateTimeOffset(2026, 11, 23, 12, 0, 0, TimeSpan.Zero));
    /// <summary>What the hub sees of it: a test may set its wall clock, and sets it back.</summary>
    internal SteppedTime Wall { get; }
    /// <summary>A node is forgotten within the hour: on a clock of this kind every second of a week would ring every timer.</summary>
    public HubOptions Options { get; } = new() { Auth = { HashingSlots = 1 }, Nodes = { ForgetAfter = TimeSpan.FromHours(1) } };
    public IGrainFactory Grains => Services.GetRequiredService<IGrainFactory>();
    public IServiceProvider Services => _cluster.Silos[0].ServiceProvider;
    public IUnfinishedIndex Index => _stores.StateStore.Unfinished;
    public INodeIndex NodeIndex => _stores.StateStore.Nodes;
    internal SqliteDatabase Database => _stores.Database;

    public HubFixture() => Wall = new(Clock);

    public async ValueTask InitializeAsync()
    {
        var options = new PoolOptions { DataDirectory = _directory };
        _stores = await Stores.Open(options, false);
        // No client of its own: as in the product, callers and grains share the process.
        var builder = new InProcessTestClusterBuilder(1) { Options = { InitializeClientOnDeploy = false } };
        builder.Options.ClusterId = builder.Options.ServiceId = options.Cluster.ClusterId;
        builder.ConfigureSiloHost((_, host) =>
        {
            host.Logging.SetMinimumLevel(LogLevel.None);
            host.Services.AddSingleton<TimeProvider>(Wall);
            host.Services.UseTimeProviderForBackgroundAreas(TimeProvider.System);
            host.Services.AddSingleton(Microsoft.Extensions.Options.Options.Create(Options));
            host.Services.AddDatabase(_stores.Database).AddFiles(_stores.Files);
        });
        builder.ConfigureSilo((_, silo) => silo.AddIncomingGrainCallFilter(async call =>
        {
            await OnCall(call.MethodName, call.TargetId.Key.ToString()!);
            await call.Invoke();
        }).AddHub(_stores));
        _cluster = builder.Build();
        await _cluster.DeployAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _cluster.DisposeAsync();
        await _stores.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    public string NewName(string kind) => $"{kind}-{Interlocked.Increment(ref _names)}";

    public ITaskGrain Task(string taskId) => Grains.GetGrain<ITaskGrain>(taskId);

    public async Task<TaskSnapshot> Snapshot(string taskId) => (await Task(taskId).GetSnapshot())!;

    /// <summary>A machine that is registered and connected, and takes only tasks of that type.</summary>
    internal async Task<Machine> Connected(string type, NodeCapabilities? capabilities = null, string? owner = null)
    {
        var limited = (capabilities ?? Machine.Usual) with { SupportedTasks = [type] };
        var machine = new Machine(this, NewName("node"), owner ?? NewName("lender"), limited);
        _machines[machine] = true;
        await machine.Register();
        await machine.Connect();
        return machine;
    }

    public static TaskSpec Spec(string type, string user = "anna", double cores = 1, string program = "print(1)") => new()
    {
        UserId = user, TaskType = type, Payload = Blob(program), Resources = new ResourceRequest((int)(cores * 1000), 256, 0),
        RunTimeout = TimeSpan.FromMinutes(10),
    };

    public static BlobRef Blob(string text)
    {
        var bytes = System.Text.Encoding.UTF8.GetBytes(text);
        return new(bytes.Length, Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(bytes)), bytes);
    }

    public async Task<string> Submit(TaskSpec spec)
    {
        var id = TaskIds.New(spec.UserId, null);
        await Task(id).Submit(spec);
        return id;
    }

    /// <summary>Everything that ended so far is in the database and out of the index.</summary>
    public Task Settled() => Services.GetRequiredService<SettlementWriter>().WhenIdle().WaitAsync(Patience);

    public async Task<bool> IsUnfinished(string taskId)
    {
        await foreach (var entry in Index.Scan())
            if (entry.Task.TaskId == taskId) return true;
        return false;
    }

    /// <summary>That entry of the index holds something else from now on.</summary>
    public Task Overwrite(string taskId, byte[] record) => ((EmbeddedStateStore)_stores.StateStore).Overwrite(taskId, record);

    /// <summary>That grain's record holds something else from now on, until it is disposed of.</summary>
    public async Task<IAsyncDisposable> Damage(IAddressable grain, string state, byte[] record)
    {
        var (stateStore, id) = ((EmbeddedStateStore)_stores.StateStore, grain.GetGrainId());
        await Deactivate(grain);
        return new Damaged(stateStore, id, state, await stateStore.OverwriteState(id, state, record));
    }

    private sealed class Damaged(EmbeddedStateStore stateStore, GrainId grain, string state, byte[] before) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync() => await stateStore.OverwriteState(grain, state, before);
    }

    public async Task Deactivate(IAddressable grain) => await _cluster.DeactivateAsync(grain);

    public Task Until(Func<Task<bool>> condition, string what) => Wait.Until(condition, Patience, () => $"never true: {what}");

    public Task Until(Func<bool> condition, string what) => Wait.Until(condition, Patience, () => $"never true: {what}");

    /// <summary>Time goes by in steps in which those machines send their heartbeats, until it has come to that.</summary>
    internal Task PassUntil(Func<Task<bool>> condition, string what, params Machine[] beating) => Until(async () =>
    {
        await Pass(TimeSpan.FromSeconds(1), beating);
        return await condition();
    }, what);

    /// <summary>
    /// The hub is there all the time: every node that is not known to be lost looks at its clock in every second. Where the clock only jumps
    /// (`Clock.Advance`) the hub was away meanwhile.
    /// </summary>
    internal async Task Pass(TimeSpan time, params Machine[] beating)
    {
        for (var passed = TimeSpan.Zero; passed < time; passed += TimeSpan.FromSeconds(1))
        {
            Clock.Advance(TimeSpan.FromSeconds(1));
            foreach (var machine in _machines.Keys)
            {
                if (!machine.Link.Closed.IsEmpty) _machines.TryRemove(machine, out _);
                else await machine.Tick();
            }

            foreach (var machine in beating) await machine.Beat();
        }
    }

    internal static async Task<HiveMindException> Refused(FailureKind kind, Func<Task> call)
    {
        var refusal = await Assert.ThrowsAsync<HiveMindException>(call);
        Assert.Equal(kind, refusal.Kind);
        return refusal;
    }

    public Task<LoginResult> LogIn(AccountRow user, string password, string address = "192.0.2.1") =>
        Services.GetRequiredService<IAccounts>().LogIn(user.Username, password, new CallOrigin(address, "tests"), CancellationToken.None);

    public async Task<AccountRow> NewUser(string password)
    {
        var name = NewName("user");
        var accounts = Services.GetRequiredService<IAccounts>();
        return await accounts.Register(new(name, password, $"{name}@example.org", name, ""), new CallOrigin(), CancellationToken.None);
    }
}

using HiveMind.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Runtime;
using Orleans.Storage;

namespace HiveMind.Tests.StateStores;

[Alias("HiveMind.Tests.IFloorProbeGrain")]
public interface IStateProbeGrain : IGrainWithStringKey
{
    [Alias("Set")] Task Set(int value);
    [Alias("Get")] Task<int> Get();
    [Alias("Clear")] Task Clear();
    [Alias("Remind")] Task Remind();
    [Alias("HasReminder")] Task<bool> HasReminder();
}

[GenerateSerializer, Alias("HiveMind.Tests.FloorProbeState")]
public sealed class ProbeState
{
    [Id(0)] public int Value { get; set; }
}

[GrainType("floor-probe")]
public sealed class StateProbeGrain([PersistentState("probe", StateStoreNames.Storage)] IPersistentState<ProbeState> state)
    : Grain, IStateProbeGrain, IRemindable
{
    public Task Set(int value)
    {
        state.State = new ProbeState { Value = value };
        return state.WriteStateAsync();
    }

    public Task<int> Get() => Task.FromResult(state.State.Value);

    public Task Clear() => state.ClearStateAsync();

    public Task Remind() => this.RegisterOrUpdateReminder("probe", TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(5));

    public async Task<bool> HasReminder() => await this.GetReminder("probe") is not null;

    public Task ReceiveReminder(string reminderName, TickStatus status) => Task.CompletedTask;
}

public sealed class OrleansOnStateStoreTests : IDisposable
{
    private readonly TempStateStore temp = new();

    public void Dispose() => temp.Dispose();

    [Fact]
    public async Task Silo_RestartedOnTheSameDirectory_StateAndReminderAreThere()
    {
        await OnSilo(async (grains, _) =>
        {
            await grains.GetGrain<IStateProbeGrain>("a").Set(41);
            await grains.GetGrain<IStateProbeGrain>("a").Set(42);
            await grains.GetGrain<IStateProbeGrain>("a").Remind();
        });

        await OnSilo(async (grains, _) =>
        {
            Assert.Equal(42, await grains.GetGrain<IStateProbeGrain>("a").Get());
            Assert.True(await grains.GetGrain<IStateProbeGrain>("a").HasReminder());
        });
    }

    [Fact]
    public Task ClearState_AfterAWrite_TheKeyIsGone() => OnSilo(async (grains, services) =>
    {
        var stateStore = (EmbeddedStateStore)services.GetRequiredService<StateStore>();
        var key = StateStoreLayout.State(GrainId.Create("floor-probe", "a"), "probe");
        await grains.GetGrain<IStateProbeGrain>("a").Set(1);
        Assert.NotNull(stateStore.Readers.Read(reader => reader.Find(key)));

        await grains.GetGrain<IStateProbeGrain>("a").Clear();

        Assert.Null(stateStore.Readers.Read(reader => reader.Find(key)));
        await grains.GetGrain<IStateProbeGrain>("a").Set(2); // and it can be born again
        Assert.Equal(2, await grains.GetGrain<IStateProbeGrain>("a").Get());
    });

    [Fact]
    public async Task EmbeddedEntries_CopiedToARedis_AreWhatItsProvidersRead()
    {
        await OnSilo(async (grains, _) =>
        {
            await grains.GetGrain<IStateProbeGrain>("ä \"quoted\" / name").Set(42);
            await grains.GetGrain<IStateProbeGrain>("ä \"quoted\" / name").Remind();
        });
        using var redis = await RealRedis.Start("--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction");
        var options = new StateStoreOptions { ConnectionString = redis.ConnectionString };
        await using (var from = (EmbeddedStateStore)await temp.Start())
        await using (var to = await StateStore.Start(options))
        {
            var copied = await new EmbeddedEntries(from).CopyTo(to.Redis.GetDatabase(), TestContext.Current.CancellationToken);
            Assert.Equal(copied, await new StateStoreKeys(to.Redis.GetDatabase(), options.ServiceId).Digest(TestContext.Current.CancellationToken));
        }

        await OnSilo(options, async (grains, _) =>
        {
            var probe = grains.GetGrain<IStateProbeGrain>("ä \"quoted\" / name");
            Assert.Equal(42, await probe.Get());
            Assert.True(await probe.HasReminder());
            await probe.Set(43); // by the ETag that was copied
            await probe.Clear();
        });
    }

    [Fact]
    public async Task ClearState_OnARedis_TheKeyIsGone()
    {
        using var redis = await RealRedis.Start("--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction");
        await OnSilo(new StateStoreOptions { ConnectionString = redis.ConnectionString }, async (grains, services) =>
        {
            var db = services.GetRequiredService<StateStore>().Redis.GetDatabase();
            await grains.GetGrain<IStateProbeGrain>("a").Set(1);
            Assert.True(await db.KeyExistsAsync("hivemind/state/floor-probe/a/probe"));

            await grains.GetGrain<IStateProbeGrain>("a").Clear();

            Assert.False(await db.KeyExistsAsync("hivemind/state/floor-probe/a/probe"));
        });
    }

    [Fact]
    public async Task ReadState_OnARedis_BytesThatCannotBeRead_AreToldApartFromAnOutage()
    {
        using var redis = await RealRedis.Start("--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction");
        await OnSilo(new StateStoreOptions { ConnectionString = redis.ConnectionString }, async (_, services) =>
        {
            var storage = services.GetRequiredKeyedService<IGrainStorage>(StateStoreNames.Storage);
            var id = GrainId.Create("floor-probe", "damaged");
            await storage.WriteStateAsync("probe", id, new GrainState<ProbeState>(new ProbeState { Value = 1 }));
            var db = services.GetRequiredService<StateStore>().Redis.GetDatabase();
            Assert.False(await db.HashSetAsync("hivemind/state/floor-probe/damaged/probe", "data", new byte[] { 0xFF, 0xFE, 1, 2, 3 })); // it was there

            var failure = await Assert.ThrowsAsync<HiveMindException>(() => storage.ReadStateAsync("probe", id, new GrainState<ProbeState>()));

            Assert.Equal("RECORD_UNREADABLE", failure.Reason);
        });
    }

    [Fact]
    public Task Write_AnotherWasFaster_InconsistentStateComesThrough() => OnSilo(async (_, services) =>
    {
        var storage = services.GetRequiredKeyedService<IGrainStorage>(StateStoreNames.Storage);
        var id = GrainId.Create("floor-probe", "race");
        await storage.WriteStateAsync("probe", id, new GrainState<ProbeState>(new ProbeState { Value = 1 }));

        await Assert.ThrowsAsync<InconsistentStateException>(() =>
            storage.WriteStateAsync("probe", id, new GrainState<ProbeState>(new ProbeState { Value = 2 })));
    });

    [Fact]
    public async Task Write_RedisKilledAndRestarted_UnavailableThenServesAgain()
    {
        using var redis = await RealRedis.Start("--appendonly", "yes", "--appendfsync", "always");
        var options = new StateStoreOptions { ConnectionString = redis.ConnectionString, CommandTimeout = TimeSpan.FromSeconds(1) };
        await OnSilo(options, async (grains, services) =>
        {
            var storage = services.GetRequiredKeyedService<IGrainStorage>(StateStoreNames.Storage);
            await grains.GetGrain<IStateProbeGrain>("before").Set(1);
            redis.Kill();

            var failure = await Assert.ThrowsAsync<HiveMindException>(() => Write(storage));
            Assert.Equal(StateStoreFailures.Reason, failure.Reason);

            await redis.Restart();
            var state = new GrainState<ProbeState>(new ProbeState());
            await Eventually(() => storage.ReadStateAsync("probe", GrainId.Create("floor-probe", "before"), state));
            Assert.Equal(1, state.State!.Value);
        });
    }

    private static Task Write(IGrainStorage storage) => storage.WriteStateAsync(
        "probe", GrainId.Create("floor-probe", "away"), new GrainState<ProbeState>(new ProbeState()));

    private static async Task Eventually(Func<Task> action)
    {
        for (var deadline = System.Diagnostics.Stopwatch.StartNew(); ; await Task.Delay(50))
        {
            try
            {
                await action();
                return;
            }
            catch (HiveMindException) when (deadline.Elapsed < TimeSpan.FromSeconds(10))
            {
                // Not back yet.
            }
        }
    }

    private Task OnSilo(Func<IGrainFactory, IServiceProvider, Task> test) => OnSilo(temp.Options, test);

    private static async Task OnSilo(StateStoreOptions options, Func<IGrainFactory, IServiceProvider, Task> test)
    {
        await using var stateStore = await StateStore.Start(options);
        var builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Logging.SetMinimumLevel(LogLevel.None);
        builder.UseOrleans(silo =>
        {
            silo.UseStateStore(stateStore);
            silo.Configure<EndpointOptions>(endpoint =>
            {
                endpoint.AdvertisedIPAddress = System.Net.IPAddress.Loopback;
                endpoint.SiloPort = FreePort();
                endpoint.GatewayPort = 0;
            });
        });
        using var host = builder.Build();
        await host.StartAsync();
        await test(host.Services.GetRequiredService<IGrainFactory>(), host.Services);
        await host.StopAsync();
    }

    private static int FreePort()
    {
        using var probe = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        probe.Start();
        return ((System.Net.IPEndPoint)probe.LocalEndpoint).Port;
    }
}

using HiveMind.Configuration;
using HiveMind.Hosting;
using HiveMind.Storage;
using HiveMind.Tasks;
using HiveMind.Tests.Cluster;
using HiveMind.Tests.Processes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Runtime;
using Orleans.TestingHost;

namespace HiveMind.Tests.Clustering;

/// <summary>What has ended leaves memory: one silo with the product's settings, whose collector's seconds last a thirtieth, for it cannot be given a clock.</summary>
public sealed class CollectionTests : IAsyncLifetime
{
    private readonly string _directory = Directory.CreateTempSubdirectory("hivemind-collected-").FullName;
    private const int Faster = 30;
    private Stores _stores = null!;
    private InProcessTestCluster _cluster = null!;

    public async ValueTask InitializeAsync()
    {
        var options = new PoolOptions { DataDirectory = _directory };
        _stores = await Stores.Open(options, false);
        var builder = new InProcessTestClusterBuilder(1) { Options = { InitializeClientOnDeploy = false } };
        builder.Options.ClusterId = builder.Options.ServiceId = options.Cluster.ClusterId;
        builder.ConfigureSiloHost((_, host) =>
        {
            host.Logging.SetMinimumLevel(LogLevel.None);
            host.Services.AddSingleton<TimeProvider>(SteadyClock.OfProcess);
            host.Services.AddSingleton(Options.Create(options.ToHub()));
            host.Services.AddDatabase(_stores.Database).AddFiles(_stores.Files);
        });
        builder.ConfigureSilo((_, silo) =>
        {
            silo.AddHub(_stores);
            silo.Configure<GrainCollectionOptions>(collection =>
            {
                collection.CollectionQuantum /= Faster;
                collection.CollectionAge /= Faster;
                foreach (var name in collection.ClassSpecificCollectionAge.Keys) collection.ClassSpecificCollectionAge[name] /= Faster;
            });
        });
        _cluster = builder.Build();
        await _cluster.DeployAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _cluster.DisposeAsync();
        await _stores.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task TaskGrains_AfterTheirEnd_LeaveMemoryWithinNinetySeconds()
    {
        await Task.WhenAll(Enumerable.Range(0, 20).Select(async _ =>
        {
            var task = Grains.GetGrain<ITaskGrain>(TaskIds.New("anna", null));
            await task.Submit(HubFixture.Spec("python"));
            await task.Cancel();
        }));
        Assert.InRange(await Active(), 1, 20); // on a busy machine the first of them may be gone already

        // By default they would stay for 15 min, which is 30 s here.
        await Wait.Until(async () => await Active() == 0, TimeSpan.FromSeconds(15), () => "ended tasks stay in memory");
    }

    [Fact]
    public void Ages_EachOfAClass_NameOneThatIs()
    {
        var named = Services.GetRequiredService<IOptions<GrainCollectionOptions>>().Value.ClassSpecificCollectionAge.Keys;
        Assert.Contains(typeof(TaskGrain).FullName!, named);
        Assert.All(named, name => Assert.NotNull(typeof(TaskGrain).Assembly.GetType(name)));
    }

    private IServiceProvider Services => _cluster.Silos[0].ServiceProvider;
    private IGrainFactory Grains => Services.GetRequiredService<IGrainFactory>();

    private async Task<int> Active()
    {
        var counts = await Grains.GetGrain<IManagementGrain>(0).GetSimpleGrainStatistics();
        return counts.Where(count => count.GrainType.Contains(nameof(TaskGrain), StringComparison.Ordinal)).Sum(count => count.ActivationCount);
    }
}

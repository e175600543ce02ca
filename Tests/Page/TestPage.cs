using HiveMind.Nodes;
using HiveMind.Rewards;
using HiveMind.Scheduling;
using HiveMind.Storage;
using HiveMind.Tasks;
using HiveMind.Tests.Gateway;
using HiveMind.Users;
using HiveMind.Web;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace HiveMind.Tests.Page;

/// <summary>The page behind a real port, with stubbed grains and stores: `secret` is the session of alice, who owns node-1 and task-1.</summary>
internal sealed class TestPage : IAsyncDisposable
{
    private readonly WebApplication _app;

    public Stub<ILogins> Logins { get; } = Stub<ILogins>.New();
    public Stub<IActivity> Activity { get; } = Stub<IActivity>.New();
    public HttpClient Client { get; }
    public Caller Alice { get; set; } = new("u-alice", "alice", Roles.User);
    public NodeSnapshot Node { get; set; } = new()
    {
        NodeId = "node-1", OwnerId = "u-alice", OwnerName = "alice", NodeType = NodeTypes.Worker, Hostname = "host-1", Status = "online",
        Capabilities = new() { CpuCores = 4, MemoryMb = 2048 }, Usage = new(0, 0, 0), FreeCores = 4, FreeMemoryMb = 2048,
    };
    public OwnTask Task1 { get; set; } = new() { TaskId = "task-1", TaskType = "python", State = TaskState.Running, CreatedAt = DateTimeOffset.UnixEpoch };

    private TestPage(PageOptions options)
    {
        Logins.On("Check", a => (string)a[0]! == "secret" ? Task.FromResult(Alice) : Task.FromException<Caller>(HiveMindException.Unauthenticated()))
            .On("WithoutLogin", _ => Task.FromResult(options.OpenMode ? new Caller("local", "open:local", Roles.User) : null))
            .On("LogOut", _ => Task.CompletedTask);
        Activity.On("Ended", _ => Task.FromResult<IReadOnlyList<EndedSlot>>([])).On("LastEnded", _ => Task.FromResult<LastEnded?>(null));
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.Listen(System.Net.IPAddress.Loopback, 0));
        builder.Services.AddSingleton(TimeProvider.System).AddSingleton(Logins.Object).AddSingleton(Activity.Object)
            .AddSingleton(FakeGrains.New().Add(Shards.Default, Stub<ISchedulerGrain>.New().On("GetCounts", _ => Task.FromResult(new SchedulerCounts(3, 1))).Object).Object)
            .AddSingleton(Stub<IUnfinishedIndex>.New().On("Count", _ => Task.FromResult(6L)).Object)
            .AddSingleton(Stub<ISettlements>.New().On("get_Open", _ => 1).Object)
            .AddSingleton(Stub<INodeDirectory>.New().On("Recent", _ => Task.FromResult<IReadOnlyList<NodeSnapshot>>([Node])).Object)
            .AddSingleton(Stub<IOwnTasks>.New().On("Recent", _ => Task.FromResult<IReadOnlyList<OwnTask>>([Task1])).On("HeldMicros", _ => Task.FromResult(1_500_000L)).Object)
            .AddSingleton(Stub<IPoolDatabase>.New().On("PoolTotals", _ => Task.FromResult(new PoolTotals(7, 1.5))).On("Balance", _ => Task.FromResult(5_000_000L)).Object);
        builder.Services.AddPage(options);
        _app = builder.Build();
        _app.MapPage();
        _app.Start();
        Client = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false, UseCookies = false })
        {
            BaseAddress = new Uri(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()),
        };
    }

    public static TestPage Start(PageOptions? options = null) => new(options ?? new PageOptions());

    public async Task<HttpResponseMessage> Get(string path, string? cookie = null, string? host = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (cookie is not null) request.Headers.Add("Cookie", cookie);
        if (host is not null) request.Headers.Host = host;
        return await Client.SendAsync(request);
    }

    /// <summary>Loads the login page and sends its form as a browser would.</summary>
    public async Task<HttpResponseMessage> LogIn(string name, string password, bool withFormToken = true)
    {
        var form = await Get("/login");
        var cookie = string.Join("; ", form.Headers.GetValues("Set-Cookie").Select(one => one.Split(';')[0]));
        var token = System.Text.RegularExpressions.Regex.Match(await form.Content.ReadAsStringAsync(), "__RequestVerificationToken\" value=\"([^\"]+)\"").Groups[1].Value;
        using var request = new HttpRequestMessage(HttpMethod.Post, "/session");
        request.Headers.Add("Cookie", cookie);
        request.Content = new FormUrlEncodedContent(new Dictionary<string, string>
        {
            ["username"] = name, ["password"] = password, ["__RequestVerificationToken"] = withFormToken ? token : "",
        });
        return await Client.SendAsync(request);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _app.StopAsync(new CancellationTokenSource(TimeSpan.FromSeconds(5)).Token);
        await _app.DisposeAsync();
    }
}

using System.Net;
using HiveMind.Clustering;
using HiveMind.Configuration;
using HiveMind.Edge;
using HiveMind.Monitoring;
using HiveMind.Scheduling;
using HiveMind.Storage;
using HiveMind.Tasks;
using HiveMind.Users;
using HiveMind.Web;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Options;
using Orleans.Configuration;

namespace HiveMind.Hosting;

/// <summary>Wires configuration, Kestrel, Orleans, stores, gateway and health into one process.</summary>
internal static class SiloBuilderSetup
{
    public static (WebApplicationBuilder Builder, PoolOptions Options) Create(string[] args)
    {
        PoolSecret.RefuseOnCommandLine(args);
        // The content root is the program's folder: `dotnet run` of a web project would make it the caller's.
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions
        {
            Args = SiloConfiguration.Arguments(args), ContentRootPath = AppContext.BaseDirectory,
        });
        builder.Configuration.Sources.Insert(0, new Microsoft.Extensions.Configuration.Memory.MemoryConfigurationSource
        {
            InitialData = SiloConfiguration.Aliases(Environment.GetEnvironmentVariable),
        });
        var (options, problems) = SiloConfiguration.Read(builder.Configuration, Environment.GetEnvironmentVariable);
        if (problems.Count > 0) throw new StartRefusedException(problems);
        return (builder, options);
    }

    public static WebApplication Build(WebApplicationBuilder builder, PoolOptions options, Stores stores, ServedCertificate? certificate, SiloIdentity? identity)
    {
        builder.Services.AddSingleton<TimeProvider>(SteadyClock.OfProcess); // Orleans takes its time from there too
        builder.Services.AddSingleton(Options.Create(options.ToHub()));
        builder.Services.AddSingleton(options);
        builder.Services.AddSingleton(stores);
        if (identity is not null) builder.Services.AddHostedService(services => ActivatorUtilities.CreateInstance<SecretMark>(services, identity));
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(15));
        AddLogging(builder);
        builder.Services.AddSystemd(); // says "ready" to the service manager; does nothing without one
        AddKestrel(builder, options, certificate);
        builder.Services.AddDatabase(stores.Database).AddFiles(stores.Files); // before Orleans: what starts first stops last, and so drains last
        builder.Services.AddHostedService<StoreWatch>();
        builder.Host.UseOrleans(silo => AddSilo(silo, options, stores, identity));
        builder.Services.AddHostedService<ClockWatch>();
        builder.Services.AddSingleton<StateStoreWatch>().AddSingleton<IStoreVerdict>(services => services.GetRequiredService<StateStoreWatch>());
        builder.Services.AddHostedService(services => services.GetRequiredService<StateStoreWatch>());
        builder.Services.AddFileCollection(options.Files);
        builder.Services.AddHostedService<EndedTaskEraser>();
        builder.Services.AddGrpcGateway(options.ToHub());
        builder.Services.AddHealth();
        builder.AddTelemetry(options);
        builder.Services.AddPage(PageSetup.Options(options));
        var app = builder.Build();
        UnreadableRecords.LogTo(app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("HiveMind.Storage.UnreadableRecords"));
        HttpGate.Use(app, options);
        app.MapGrpcGateway(options.Grpc.Reflection ?? IPAddress.IsLoopback(options.Grpc.Address!));
        app.MapHealth();
        app.MapTelemetry();
        app.MapPage();
        return app;
    }

    /// <summary>Grains, stores and the cluster's timing; the cluster tests use the same.</summary>
    public static void AddHub(this ISiloBuilder silo, Stores stores)
    {
        silo.UseStateStore(stores.StateStore);
        silo.AddScheduling();
        silo.Services.AddHostedService<SettledAccounts>();
        silo.Services.AddAccounts();
        silo.Configure<SiloMessagingOptions>(messaging => messaging.ResponseTimeout = TimeSpan.FromSeconds(8));
        silo.Configure<MessagingOptions>(messaging => messaging.ResponseTimeout = TimeSpan.FromSeconds(8));
        silo.Configure<GrainCollectionOptions>(collection =>
        {
            collection.CollectionQuantum = TimeSpan.FromSeconds(30);
            collection.ClassSpecificCollectionAge[typeof(TaskGrain).FullName!] = TimeSpan.FromSeconds(60); // else every task of the last 15 min
        });
        silo.Configure<ClusterMembershipOptions>(membership =>
        {
            membership.ProbeTimeout = TimeSpan.FromSeconds(2);
            membership.NumMissedProbesLimit = 3;
            membership.TableRefreshTimeout = TimeSpan.FromSeconds(10);
        });
    }

    private static void AddSilo(ISiloBuilder silo, PoolOptions options, Stores stores, SiloIdentity? identity)
    {
        silo.AddHub(stores);
        silo.Services.AddSingleton<OrderlyEnd>().AddSingleton<Orleans.Runtime.IFatalErrorHandler>(services => services.GetRequiredService<OrderlyEnd>());
        if (options.Telemetry.IsExported) silo.AddActivityPropagation(); // it costs something on every grain call
        if (identity is null)
        {
            silo.UseNoNetwork();
            return;
        }

        silo.UseSiloTransport(options, identity);
    }

    private static void AddLogging(WebApplicationBuilder builder)
    {
        ConsoleLines.AddTo(builder.Logging).SetMinimumLevel(LogLevel.Warning).AddFilter("HiveMind", LogLevel.Information);
        // Warns of keys that die with the process, which is what they are for.
        builder.Logging.AddFilter("Microsoft.AspNetCore.DataProtection", LogLevel.Error);
        // Say at every start that the machine's uptime passed without a heartbeat, and which collector was chosen: known and meant.
        builder.Logging.AddFilter("Orleans.Runtime.Watchdog", LogLevel.Error).AddFilter("Orleans.Runtime.Silo", LogLevel.Error);
        // gRPC's own words on each message that is none: the caller is told, and figures count it.
        builder.Logging.AddFilter("Grpc.AspNetCore.Server", LogLevel.Critical);
        // A stack trace for every stranger at the silo's port: HandshakeGate says it once a minute.
        builder.Logging.AddFilter("Orleans.Connections.Security", LogLevel.None);
        builder.Logging.AddConfiguration(builder.Configuration.GetSection("Logging"));
    }

    private static void AddKestrel(WebApplicationBuilder builder, PoolOptions options, ServedCertificate? certificate) => builder.WebHost.ConfigureKestrel(kestrel =>
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = Protos.ProtocolLimits.MessageBytes + 1024;
        var proxies = Networks.Parse(options.Http.TrustedProxies);
        EdgeConnections Connections() => ActivatorUtilities.CreateInstance<EdgeConnections>(kestrel.ApplicationServices, options.Edge, (Func<IPAddress?, bool>)proxies.Hold);
        var (grpcConnections, httpConnections) = (Connections(), Connections());
        var http2 = kestrel.Limits.Http2;
        http2.KeepAlivePingDelay = TimeSpan.FromSeconds(10);
        http2.KeepAlivePingTimeout = TimeSpan.FromSeconds(5);
        http2.MaxFrameSize = 1 << 20; // the seed's 16 MiB is one byte more than HTTP/2 allows, and a frame is buffered whole
        http2.InitialStreamWindowSize = 1 << 20;
        http2.InitialConnectionWindowSize = 16 << 20; // five who wait for their turn (ByteBudget) must hold up less than half
        http2.MaxStreamsPerConnection = options.Grpc.MaxConcurrentCalls;
        kestrel.Listen(options.Grpc.Address!, options.Grpc.Port, listen =>
        {
            listen.Protocols = HttpProtocols.Http2;
            listen.Use(next => connection => grpcConnections.Serve(connection, next));
            certificate?.Serve(listen, "h2");
        });
        kestrel.Listen(options.HttpAddress!, options.Http.Port, listen =>
        {
            listen.Protocols = HttpProtocols.Http1;
            listen.Use(next => connection => httpConnections.Serve(connection, next));
            if (options.HttpSpeaksTls) certificate?.Serve(listen, "http/1.1");
        });
    });
}

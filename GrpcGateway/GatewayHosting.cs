using HiveMind.Edge;
using HiveMind.Nodes;
using HiveMind.Storage;
using HiveMind.Tasks;
using HiveMind.Users;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace HiveMind;

/// <summary>Wires the gRPC edge into the silo's process. It needs IGrainFactory, IAccounts, IPoolDatabase, IAccountStore, the audit log, IFiles, the two indexes and the two sources of lists beside it.</summary>
public static class GatewayHosting
{
    public static IServiceCollection AddGrpcGateway(this IServiceCollection services, HubOptions options)
    {
        services.AddGrpc(grpc =>
        {
            grpc.MaxReceiveMessageSize = Limits.MessageBytes;
            grpc.MaxSendMessageSize = Limits.AnswerBytes;
            grpc.EnableDetailedErrors = false;
            grpc.CompressionProviders = [BoundedCompression.Gzip, BoundedCompression.Deflate];
            grpc.Interceptors.Add<ErrorInterceptor>();
            grpc.Interceptors.Add<AnswerInterceptor>();
            grpc.Interceptors.Add<StoreInterceptor>();
            grpc.Interceptors.Add<AuthInterceptor>();
        });
        // Kestrel's own limit (30 MB) stands in front of gRPC's: it must leave room for gRPC to refuse in its own words.
        services.Configure<KestrelServerOptions>(kestrel => kestrel.Limits.MaxRequestBodySize = Limits.MessageBytes + Limits.ChunkBytes);
        services.AddGrpcReflection();
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton(options);
        services.AddSingleton(new Uptime(TimeProvider.System));
        services.AddSingleton<CallFailures>();
        services.AddSingleton<ErrorInterceptor>();
        services.TryAddSingleton<IStoreVerdict, UnwatchedStores>();
        services.AddSingleton<StoreGate>();
        services.AddSingleton<StoreInterceptor>();
        services.AddSingleton<CallRates>();
        services.AddSingleton<CallerCheck>();
        services.AddSingleton<EdgeBudgets>();
        services.AddSingleton<AnswerInterceptor>();
        services.AddSingleton<StrangerStreams>();
        services.AddSingleton<OpenCalls>();
        services.AddHostedService(s => s.GetRequiredService<OpenCalls>());
        services.AddSingleton<ActingAccounts>();
        services.AddSingleton<AuthInterceptor>();
        services.TryAddSingleton<ISessionCheck, GrainSessionCheck>();
        services.AddSingleton<OutputReceipts>();
        services.AddSingleton<OutputIntake>();
        services.AddSingleton<ReportReader>();
        services.AddSingleton<TaskRecords>();
        services.AddSingleton<PayloadUploads>();
        services.AddSingleton<SubmitQuotas>();
        services.AddSingleton<TaskSubmission>();
        services.AddSingleton<SubmitSlots>().AddSingleton<UploadSlots>().AddSingleton<DownloadSlots>().AddSingleton<FetchSlots>();
        services.AddSingleton<BulkSubmission>();
        services.AddSingleton<TaskReasons>();
        services.AddSingleton<WatchSlots>();
        services.AddSingleton<NodeDirectory>();
        services.AddSingleton<INodeDirectory>(s => s.GetRequiredService<NodeDirectory>());
        services.AddSingleton<TaskListing>();
        services.AddSingleton<PageTokens>();
        services.AddSingleton<IOwnTasks, OwnTasks>();
        services.AddSingleton<RecentAnalytics>();
        services.AddSingleton<WorkerSessions>();
        services.AddSingleton<PasswordLogin>();
        services.AddSingleton<ILogins, Logins>();
        services.AddSingleton<UserServiceEndpoint>();
        services.AddSingleton<AdminServiceEndpoint>();
        services.AddSingleton<NodeInfos>().AddSingleton<NodeAudit>();
        services.AddSingleton<NodeRegistrationHandler>().AddSingleton<NodeCordonHandler>().AddSingleton<NodeListHandler>();
        services.AddSingleton<WorkerReportHandler>().AddSingleton<PayloadFetchHandler>();
        services.AddSingleton<NodeManagerServiceEndpoint>();
        services.AddSingleton<VisibleTasks>().AddSingleton<ExpiredResults>().AddSingleton<TaskWatches>();
        services.AddSingleton<TaskSubmitHandler>().AddSingleton<TaskStatusHandler>().AddSingleton<TaskResultHandler>().AddSingleton<TaskWatchHandler>();
        services.AddSingleton<TaskListHandler>().AddSingleton<TaskCancelHandler>().AddSingleton<PoolStatisticsHandler>().AddSingleton<AnalyticsHandler>();
        services.AddSingleton<MasterNodeServiceEndpoint>();
        return services;
    }

    /// <summary>The guard stands before every gRPC method of the process, whoever maps it: what has no row in the table is not served.</summary>
    /// <param name="app">Where.</param>
    /// <param name="reflection">Tells tools like grpcurl which services there are; it shows no more than the published proto.</param>
    public static WebApplication MapGrpcGateway(this WebApplication app, bool reflection = false)
    {
        app.UseMiddleware<CallGuard>();
        if (reflection) app.MapGrpcReflectionService();
        app.MapGrpcService<UserServiceEndpoint>();
        app.MapGrpcService<AdminServiceEndpoint>();
        app.MapGrpcService<NodeManagerServiceEndpoint>();
        app.MapGrpcService<MasterNodeServiceEndpoint>();
        return app;
    }
}

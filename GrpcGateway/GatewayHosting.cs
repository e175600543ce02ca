using Grpc.AspNetCore.Server;
using HiveMind.Edge;
using HiveMind.Nodes;
using HiveMind.Tasks;
using HiveMind.Users;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace HiveMind;

/// <summary>Wires the gRPC edge into the silo's process. It needs IGrainFactory, IAccounts, IBooks, IFiles, the two indexes and the two sources of lists beside it.</summary>
public static class GatewayHosting
{
    public static IServiceCollection AddGrpcGateway(this IServiceCollection services, HubOptions options)
    {
        services.AddGrpc(grpc =>
        {
            grpc.MaxReceiveMessageSize = Limits.MessageBytes;
            grpc.MaxSendMessageSize = Limits.MessageBytes;
            grpc.EnableDetailedErrors = false;
            grpc.Interceptors.Add<ErrorInterceptor>();
            grpc.Interceptors.Add<RateLimitInterceptor>();
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
        services.AddSingleton<CallRates>();
        services.AddSingleton<RateLimitInterceptor>();
        services.AddSingleton<ActingAccounts>();
        services.AddSingleton<AuthInterceptor>();
        services.TryAddSingleton<ISessionCheck, GrainSessionCheck>();
        services.AddSingleton<OutputReceipts>();
        services.AddSingleton<OutputIntake>();
        services.AddSingleton<ReportReader>();
        services.AddSingleton<PayloadUploads>();
        services.AddSingleton<SubmitQuotas>();
        services.AddSingleton<TaskSubmission>();
        services.AddSingleton<SubmitSlots>();
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
        services.AddSingleton<NodeManagerServiceEndpoint>();
        services.AddSingleton<MasterNodeServiceEndpoint>();
        return services;
    }

    /// <param name="endpoints">Where.</param>
    /// <param name="reflection">Tells tools like grpcurl which services there are; it shows no more than the published proto.</param>
    public static IEndpointRouteBuilder MapGrpcGateway(this IEndpointRouteBuilder endpoints, bool reflection = false)
    {
        if (reflection) endpoints.MapGrpcReflectionService();
        var guard = ActivatorUtilities.CreateInstance<CallGuard>(endpoints.ServiceProvider);
        Guard(endpoints.MapGrpcService<UserServiceEndpoint>(), guard);
        Guard(endpoints.MapGrpcService<NodeManagerServiceEndpoint>(), guard);
        Guard(endpoints.MapGrpcService<MasterNodeServiceEndpoint>(), guard);
        return endpoints;
    }

    private static void Guard(IEndpointConventionBuilder calls, CallGuard guard) => calls.Add(endpoint =>
    {
        var call = endpoint.RequestDelegate!;
        // The method as we know it: a path may be written in many ways, and figures are kept by it.
        var method = endpoint.Metadata.OfType<GrpcMethodMetadata>().FirstOrDefault()?.Method.FullName[1..] ?? EdgeInstruments.OtherMethod;
        endpoint.RequestDelegate = http => guard.Invoke(http, method, call);
    });
}

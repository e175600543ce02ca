using Grpc.Core;
using Grpc.Health.V1;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using static Grpc.Health.V1.HealthCheckResponse.Types;

namespace HiveMind.Monitoring;

/// <summary>The standard health service of gRPC, from the last verdict.</summary>
internal sealed class HealthRpc(LastHealth last, IHostApplicationLifetime lifetime, TimeProvider time) : Health.HealthBase
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);

    private HealthCheckResponse Now => new()
    {
        Status = last.Status == HealthStatus.Unhealthy || lifetime.ApplicationStopping.IsCancellationRequested ? ServingStatus.NotServing : ServingStatus.Serving,
    };

    public override async Task<HealthCheckResponse> Check(HealthCheckRequest request, ServerCallContext context)
    {
        if (request.Service.Length > 0) throw new RpcException(new Status(StatusCode.NotFound, "Only the whole server's health is known: leave the service empty."));
        await last.Known(context.CancellationToken);
        return Now;
    }

    public override async Task Watch(HealthCheckRequest request, IServerStreamWriter<HealthCheckResponse> responseStream, ServerCallContext context)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        HealthCheckResponse? said = null;
        await last.Known(context.CancellationToken);
        try
        {
            while (true)
            {
                var now = request.Service.Length == 0 ? Now : new HealthCheckResponse { Status = ServingStatus.ServiceUnknown };
                if (!now.Equals(said)) await responseStream.WriteAsync(said = now, end.Token);
                await Task.Delay(LookEvery, time, end.Token);
            }
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested && !context.CancellationToken.IsCancellationRequested)
        {
            if (said is not { Status: ServingStatus.NotServing }) await responseStream.WriteAsync(Now, CancellationToken.None);
        }
    }
}

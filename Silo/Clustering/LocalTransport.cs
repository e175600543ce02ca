using System.Net;
using HiveMind.Hosting;
using Microsoft.AspNetCore.Connections;

namespace HiveMind.Clustering;

/// <summary>
/// Orleans' transport of a pool of one silo: there is nobody to talk to, so nothing is bound and nothing is called. Grains of one process reach each
/// other without it.
/// </summary>
internal static class LocalTransport
{
    /// <summary>A part of the silo's name only: nothing listens there.</summary>
    private const int NominalPort = 11111;

    public static void UseNoNetwork(this ISiloBuilder silo)
    {
        silo.ConfigureEndpoints(IPAddress.Loopback, NominalPort, gatewayPort: 0, listenOnAnyHostAddress: false);
        silo.Services.ReplaceKeyed<IConnectionListenerFactory>((_, _) => new NoListeners());
        silo.Services.ReplaceKeyed<IConnectionFactory>((_, _) => new NoConnections());
    }

    /// <summary>Puts another one in the place of each, around it if it wants. Orleans keeps the keys to itself, so they are found by what stands there.</summary>
    public static void ReplaceKeyed<T>(this IServiceCollection services, Func<IServiceProvider, Func<IServiceProvider, T>, T> make) where T : class
    {
        var standing = services.Where(service => service.IsKeyedService && service.ServiceType == typeof(T)).ToList();
        // Never silently the socket's own: another version of Orleans may have moved it.
        if (standing.Count == 0) throw new InvalidOperationException($"Orleans has no {typeof(T).Name} to replace.");
        foreach (var one in standing)
        {
            services.Remove(one);
            services.AddKeyedSingleton<T>(one.ServiceKey, (provider, key) => make(provider, p => (T)one.KeyedImplementationFactory!(p, key)));
        }
    }

    private sealed class NoListeners : IConnectionListenerFactory
    {
        public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) => new(new NoListener(endpoint));
    }

    private sealed class NoListener(EndPoint endPoint) : IConnectionListener
    {
        private readonly TaskCompletionSource<ConnectionContext?> _end = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public EndPoint EndPoint => endPoint;

        public ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default) => new(_end.Task.WaitAsync(cancellationToken));

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
        {
            _end.TrySetResult(null);
            return ValueTask.CompletedTask;
        }

        public ValueTask DisposeAsync() => UnbindAsync();
    }

    private sealed class NoConnections : IConnectionFactory
    {
        public ValueTask<ConnectionContext> ConnectAsync(EndPoint endpoint, CancellationToken cancellationToken = default) =>
            throw new ConnectionAbortedException("A pool of one silo has no others.");
    }
}

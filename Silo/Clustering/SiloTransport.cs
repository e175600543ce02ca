using System.Net;
using System.Security.Authentication;
using HiveMind.Configuration;
using HiveMind.Hosting;
using Microsoft.AspNetCore.Connections;
using Orleans.Configuration;
using Orleans.Connections.Security;

namespace HiveMind.Clustering;

/// <summary>Orleans' transport between the silos of a pool: TLS in which both sides show that they know the pool's secret (ADR 31).</summary>
internal static class SiloTransport
{
    public static readonly TimeSpan HandshakePatience = TimeSpan.FromSeconds(5);

    public static void UseSiloTransport(this ISiloBuilder silo, PoolOptions options, SiloIdentity identity)
    {
        var port = Ports.ForSilo(options.Cluster.SiloPort, options.DataDirectory);
        silo.ConfigureEndpoints(IPAddress.Parse(options.Cluster.AdvertisedAddress), port, gatewayPort: 0, listenOnAnyHostAddress: false);
        silo.UseMutualTls(identity);
        silo.Configure<ConnectionOptions>(connections => connections.ConnectionRetryDelay = RetryPause.NoneOfOrleans);
        silo.Services.ReplaceKeyed<IConnectionFactory>((services, before) => new RetryPause(before(services), services.GetRequiredService<TimeProvider>()));
    }

    public static void UseMutualTls(this ISiloBuilder silo, SiloIdentity identity)
    {
        silo.Services.AddSingleton<HandshakeGate>();
        silo.Configure<SiloConnectionOptions>(connections => connections.ConfigureSiloInboundConnection(inbound =>
            inbound.Use(next => connection => GateOf(inbound).Enter(connection, next))));
        silo.UseTls(tls =>
        {
            tls.LocalCertificate = identity.Certificate;
            tls.RemoteCertificateMode = tls.ClientCertificateMode = RemoteCertificateMode.RequireCertificate;
            tls.RemoteCertificateValidation = (certificate, _, _) => identity.IsOfPool(certificate);
            tls.SslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13;
            tls.HandshakeTimeout = HandshakePatience;
            tls.OnAuthenticateAsClient = (_, handshake) => handshake.TargetHost = SiloIdentity.Name;
        });
        silo.Configure<SiloConnectionOptions>(connections => connections.ConfigureSiloInboundConnection(inbound =>
            inbound.Use(next => connection => GateOf(inbound).Pass(connection, next))));
    }

    private static HandshakeGate GateOf(IConnectionBuilder connections) => connections.ApplicationServices.GetRequiredService<HandshakeGate>();
}

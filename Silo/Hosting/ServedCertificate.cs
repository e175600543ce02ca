using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using HiveMind.Configuration;
using HiveMind.Storage;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace HiveMind.Hosting;

/// <summary>What a silo shows to those who connect: the certificate of its settings, or its own.</summary>
public sealed class ServedCertificate
{
    private readonly CertificateFiles? _given;
    private readonly HubCertificate? _own;

    private ServedCertificate(CertificateFiles? given, HubCertificate? own) => (_given, _own) = (given, own);

    public string Pin => HubCertificate.PinOf(_given is not null ? _given.Current().TargetCertificate : _own!.Current());

    /// <summary>Made by the silo: no authority vouches for it, so clients need its pin.</summary>
    public bool IsOwn => _own is not null;

    /// <summary>Null where the port speaks in clear.</summary>
    public static ServedCertificate? Open(PoolOptions options, TimeProvider time)
    {
        if (!options.Grpc.SpeaksTls) return null;
        if (!options.Grpc.HasTls) return new(null, new HubCertificate(options.DataDirectory, time, () => Named(options.Grpc)));
        try
        {
            return new(new CertificateFiles(options.Grpc.CertificateFile, options.Grpc.KeyFile, time), null);
        }
        catch (Exception error) when (CertificateFiles.IsBroken(error))
        {
            throw new StartRefusedException($"{PoolOptions.Section}:Grpc:CertificateFile cannot be used: {error.Message}");
        }
    }

    /// <summary>What it shows is asked at each handshake, so that a renewal needs no restart.</summary>
    public void Serve(ListenOptions listen, string protocol) => listen.UseHttps(new TlsHandshakeCallbackOptions
    {
        OnConnection = _ => ValueTask.FromResult(new SslServerAuthenticationOptions
        {
            ServerCertificateContext = _given?.Current(),
            ServerCertificate = _own?.Current(),
            ApplicationProtocols = [new SslApplicationProtocol(protocol)],
        }),
    });

    private static IReadOnlyList<IPAddress> Named(GrpcOptions grpc) =>
        HubAddresses.IsAny(grpc.Address!) ? MachineAddresses.All() : [grpc.Address!];
}

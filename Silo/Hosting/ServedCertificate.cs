using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using HiveMind.Configuration;
using HiveMind.Storage;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace HiveMind.Hosting;

/// <summary>What a silo shows to those who connect: the certificate of its settings, or its own.</summary>
public sealed class ServedCertificate
{
    private readonly X509Certificate2? _given;
    private readonly X509Certificate2Collection? _chain;
    private readonly HubCertificate? _own;

    private ServedCertificate(X509Certificate2? given, X509Certificate2Collection? chain, HubCertificate? own) => (_given, _chain, _own) = (given, chain, own);

    public string Pin => HubCertificate.PinOf(_given ?? _own!.Current());

    /// <summary>Made by the silo: no authority vouches for it, so clients need its pin.</summary>
    public bool IsOwn => _own is not null;

    /// <summary>Null where the port speaks in clear.</summary>
    public static ServedCertificate? Open(PoolOptions options, TimeProvider time)
    {
        if (!options.Grpc.SpeaksTls) return null;
        if (!options.Grpc.HasTls) return new(null, null, new HubCertificate(options.DataDirectory, time, () => Named(options.Grpc)));
        try
        {
            var chain = new X509Certificate2Collection();
            chain.ImportFromPemFile(options.Grpc.CertificateFile);
            return new(X509Certificate2.CreateFromPemFile(options.Grpc.CertificateFile, options.Grpc.KeyFile), chain, null);
        }
        catch (CryptographicException error)
        {
            throw new StartRefusedException($"{PoolOptions.Section}:Grpc:CertificateFile cannot be used: {error.Message}");
        }
    }

    public void Apply(HttpsConnectionAdapterOptions https)
    {
        https.ServerCertificate = _given;
        https.ServerCertificateChain = _chain;
        if (_own is not null) https.ServerCertificateSelector = (_, _) => _own.Current();
    }

    private static IReadOnlyList<IPAddress> Named(GrpcOptions grpc) =>
        HubAddresses.IsAny(grpc.Address!) ? MachineAddresses.All() : [grpc.Address!];
}

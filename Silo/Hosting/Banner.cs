using System.Globalization;
using System.Net;
using HiveMind.Configuration;
using HiveMind.Storage;

namespace HiveMind.Hosting;

/// <summary>A few friendly lines: addresses, data directory, the next command to type, here and on another machine.</summary>
internal static class Banner
{
    public static void Print(ServedPorts ports, PoolOptions options, Stores stores, ServedCertificate? certificate, string startedAs, TimeSpan took)
    {
        var local = HubAddresses.Local(options, ports.Grpc, certificate);
        var others = HubAddresses.FromOthers(options, ports.Grpc, certificate);
        Console.WriteLine($"HiveMind is ready after {took.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture)} s.");
        Console.WriteLine($"  gRPC    {Bare(local)}{Notes(options, certificate)}");
        foreach (var address in others.Select(Bare).Where(address => address != Bare(local))) Console.WriteLine($"          {address}");
        Console.WriteLine($"  page    {HubAddresses.Http(options, ports.Http)}/");
        Console.WriteLine($"  health  {HubAddresses.Http(options, ports.Http)}/readyz");
        Console.WriteLine($"  data    {options.DataDirectory}{(options.IsEmbedded ? "" : "  (live state in Redis)")}");
        if (stores.StateStore.Risk is { } risk) Console.WriteLine($"  risk    {risk}");
        if (certificate is { IsOwn: true })
        {
            Console.WriteLine($"  key     {certificate.Pin}");
            Console.WriteLine($"          clients know the hub by it; its certificate: {Path.Combine(HubCertificate.DirectoryOf(options.DataDirectory), HubCertificate.CertificateFile)}");
        }

        if (options.Auth.Registration == RegistrationMode.Open && !IPAddress.IsLoopback(options.Grpc.Address!))
            Console.WriteLine("  note    whoever reaches this port may make an account; --HiveMind:Auth:Registration=Code asks for a code of an admin");
        if (stores.AdminCodeFile is { } file) Console.WriteLine($"  admin   the first admin's one-time code is in {file}");
        if (others.Count > 0)
        {
            Console.WriteLine("On another machine:");
            Console.WriteLine($"  export HIVEMIND_HUB={Quoted(others[0])}");
            Console.WriteLine("  hivemind register NAME --email ADDRESS   (or: hivemind login NAME)");
            Console.WriteLine("  hivemind worker");
            Console.WriteLine($"Or, to lend it to an account of yours without a login there, type here: {startedAs} node-token NAME");
        }

        Console.WriteLine($"Next: {startedAs} register NAME --email ADDRESS{HubFlag(options, local)}");
        Console.Out.Flush();
    }

    private static string Notes(PoolOptions options, ServedCertificate? certificate)
    {
        List<string> notes = [];
        if (HubAddresses.IsAny(options.Grpc.Address!)) notes.Add("all addresses");
        if (certificate is not null) notes.Add(certificate.IsOwn ? "TLS by a certificate of its own" : "TLS");
        else if (!IPAddress.IsLoopback(options.Grpc.Address!)) notes.Add("in clear: passwords and results can be read on the way");
        if (options.Auth.Mode == AuthMode.Open) notes.Add("open mode: no login needed");
        return notes.Count > 0 ? $"  ({string.Join("; ", notes)})" : "";
    }

    // Beside the default data directory the command line finds the address by itself.
    public static string HubFlag(PoolOptions options, string local) =>
        local == LocalAddressFile.DefaultAddress || options.DataDirectory == SiloConfiguration.DefaultDataDirectory(Environment.GetEnvironmentVariable)
            ? "" : $" --hub {Quoted(local)}";

    private static string Bare(string address) => address.Split('#')[0];

    private static string Quoted(string address) => address.Contains('#', StringComparison.Ordinal) ? $"'{address}'" : address;
}

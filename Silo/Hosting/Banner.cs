using System.Globalization;
using HiveMind.Configuration;
using HiveMind.Storage;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace HiveMind.Hosting;

/// <summary>A few friendly lines: addresses, data directory, the next command to type.</summary>
internal static class Banner
{
    public static void Print(WebApplication app, PoolOptions options, Stores stores, TimeSpan took)
    {
        var addresses = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.ToList();
        var (grpc, http) = (addresses[0], addresses[^1]);
        var hive = HowStarted();
        Console.WriteLine($"HiveMind is ready after {took.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture)} s.");
        Console.WriteLine($"  gRPC    {grpc}{(options.Auth.Mode == AuthMode.Open ? "  (open mode: no login needed)" : "")}");
        Console.WriteLine($"  page    {http}/");
        Console.WriteLine($"  health  {http}/readyz");
        Console.WriteLine($"  data    {options.DataDirectory}{(options.IsEmbedded ? "" : "  (live state in Redis)")}");
        if (stores.AdminCodeFile is { } file) Console.WriteLine($"  admin   the first admin's one-time code is in {file}");
        Console.WriteLine($"Next: {hive} register NAME --email ADDRESS{HubFlag(app.Services)}");
        Console.Out.Flush();
    }

    /// <summary>What a verb of the command line needs to find this hub: nothing where it listens as usual.</summary>
    public static string HubFlag(IServiceProvider services) =>
        services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First() is var grpc && grpc != "http://127.0.0.1:50051" ? $" --hub {grpc}" : "";

    /// <summary>How to type the command line where this program was started from.</summary>
    public static string HowStarted() =>
        AppContext.BaseDirectory.Contains($"{Path.DirectorySeparatorChar}bin{Path.DirectorySeparatorChar}", StringComparison.Ordinal)
            ? "dotnet run --project Cli --" : "hivemind";
}

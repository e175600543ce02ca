using Microsoft.Extensions.Configuration;

namespace HiveMind.Cli;

/// <summary>What `up` must know of the silo's configuration, read the way the silo reads it.</summary>
internal sealed record PoolSettings(Uri Hub, Uri Http, string DataDirectory)
{
    public static PoolSettings Read(string[] arguments)
    {
        var settings = new ConfigurationBuilder()
            .SetBasePath(Environment.CurrentDirectory)
            .AddJsonFile("appsettings.json", optional: true)
            .AddEnvironmentVariables()
            .AddCommandLine(arguments)
            .Build()
            .GetSection("HiveMind");
        var host = settings["Grpc:Host"] is { Length: > 0 } named && named is not ("0.0.0.0" or "::" or "*") ? named : "127.0.0.1";
        return new PoolSettings(
            new Uri($"http://{host}:{settings["Grpc:Port"] ?? "50051"}"),
            new Uri($"http://{host}:{settings["Http:Port"] ?? "8080"}"),
            settings["DataDirectory"] is { Length: > 0 } folder ? Path.GetFullPath(folder) : UserFolders.Data);
    }
}

using HiveMind.Configuration;
using HiveMind.Hosting;
using HiveMind.Storage;
using Microsoft.Extensions.Configuration;

namespace HiveMind.Cli;

/// <summary>What `up` must know of the silo's configuration, read the way the silo reads it.</summary>
internal sealed record PoolSettings(Uri Hub, Uri Http, string DataDirectory, string DatabaseFile)
{
    /// <summary>A setting that cannot be is told as the silo would.</summary>
    public static PoolOptions ReadOptions(string[] words)
    {
        var configuration = new ConfigurationBuilder()
            .SetBasePath(AppContext.BaseDirectory)
            .AddInMemoryCollection(SiloConfiguration.Aliases(Environment.GetEnvironmentVariable))
            .AddJsonFile("appsettings.json", optional: true)
            .AddEnvironmentVariables()
            .AddCommandLine(SiloConfiguration.Arguments(words))
            .Build();
        var (options, problems) = SiloConfiguration.Read(configuration, Environment.GetEnvironmentVariable);
        if (problems.Count > 0)
        {
            throw new CliException(SiloHost.BadConfiguration, string.Join('\n', problems), "BAD_CONFIGURATION");
        }

        return options;
    }

    /// <summary>A setting that cannot be is told as the silo would.</summary>
    public static PoolSettings Read(string[] words)
    {
        var options = ReadOptions(words);
        try
        {
            var certificate = ServedCertificate.Open(options, TimeProvider.System);
            return new PoolSettings(
                new Uri(HubAddresses.Local(options, options.Grpc.Port, certificate)),
                new Uri(HubAddresses.Http(options, options.Http.Port)),
                options.DataDirectory,
                DatabaseLocation.FindFile(options.Books.ConnectionString, options.DataDirectory));
        }
        catch (StartRefusedException refused)
        {
            throw new CliException(SiloHost.BadConfiguration, refused.Message, "BAD_CONFIGURATION");
        }
    }
}

using HiveMind.Clustering;
using HiveMind.Hosting;
using HiveMind.Storage;
using HiveMind.Web;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace HiveMind;

/// <summary>The server's whole life, so that `hivemind silo` and the Silo project start the same thing.</summary>
public static class SiloHost
{
    /// <summary>It was told to stop and could not in time.</summary>
    public const int StopTookTooLong = 1;
    /// <summary>Something nobody thought of. EX_SOFTWARE of sysexits.</summary>
    public const int Unexpected = 70;
    /// <summary>What the silo needs is away, or the other silos gave it up: a restart tries again. EX_TEMPFAIL.</summary>
    public const int StoreAway = 75;
    /// <summary>Settings or stores that a restart does not mend. EX_CONFIG.</summary>
    public const int BadConfiguration = 78;
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(25);
    /// <summary>Of one that could not start, or go on.</summary>
    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Runs until Ctrl-C or SIGTERM: 0 after a clean stop, else one of the codes above (or <see cref="FailStop.ExitCode"/>) with one line per problem on stderr. What was acknowledged is durable
    /// whatever the code.
    /// </summary>
    /// <param name="args">Settings, `--lan`, `--accept-lost-floor`, `--accept-lost-books`, `--accept-older-books`.</param>
    /// <param name="startedAs">How the command line is started, for the lines that say what to type next.</param>
    /// <param name="ready">Told once it serves, and where.</param>
    public static async Task<int> Run(string[] args, string startedAs, Action<ReadyLine>? ready = null)
    {
        PrivateDirectory.MakePrivateByDefault();
        string? dataDirectory = null;
        AppDomain.CurrentDomain.UnhandledException += (_, end) => Environment.Exit(LastWords.Say((Exception)end.ExceptionObject, dataDirectory));
        try
        {
            var startedAt = SteadyClock.OfProcess.GetTimestamp();
            var (builder, options) = SiloBuilderSetup.Create(args);
            dataDirectory = options.DataDirectory;
            int? failed = null;
            using var limit = new Timer(_ => GiveUpStopping(failed)); // first, so that it also watches over the stores' end
            using var locked = await DataDirectoryLock.Take(options.DataDirectory, Stores.Say, SteadyClock.OfProcess);
            await Ports.RequireFree(options, SteadyClock.OfProcess);
            await using var stores = await Stores.Open(options, args.Contains(StoreMatch.AcceptFlag), args.Contains(StoreMatch.AcceptDatabaseFlag),
                args.Contains(StoreMatch.AcceptOlderDatabaseFlag), locked);
            var certificate = ServedCertificate.Open(options, TimeProvider.System); // others read its dates by their own clocks
            using var identity = options.IsEmbedded ? null : new SiloIdentity(PoolSecret.Read(options), options.Cluster.ClusterId);
            if (identity is not null) await SecretMark.RefuseAnother(stores.StateStore, identity);
            await using var app = SiloBuilderSetup.Build(builder, options, stores, certificate, identity);
            using var stopping = app.Lifetime.ApplicationStopping.Register(() => limit.Change(StopPatience, Timeout.InfiniteTimeSpan));
            try
            {
                await app.StartAsync();
                var ports = Listening(app);
                var address = HubAddresses.Local(options, ports.Grpc, certificate);
                using var local = LocalAddressFile.Write(options.DataDirectory, address, Stores.Say);
                app.Services.GetRequiredService<PageOptions>().TellHow(startedAs, Banner.HubFlag(options, address));
                Banner.Print(ports, options, stores, certificate, startedAs, SteadyClock.OfProcess.GetElapsedTime(startedAt));
                ready?.Invoke(new(new(address), new(HubAddresses.Http(options, ports.Http))));
                await app.WaitForShutdownAsync();
                return 0;
            }
            catch (Exception error)
            {
                // Said before anything is taken apart: what is half started may never come to its end.
                failed = LastWords.Say(error, dataDirectory);
                limit.Change(EndPatience, Timeout.InfiniteTimeSpan);
                return failed.Value;
            }
        }
        catch (Exception error)
        {
            return LastWords.Say(error, dataDirectory);
        }
    }

    private static ServedPorts Listening(WebApplication app)
    {
        var addresses = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.ToList();
        return new(new Uri(addresses[0]).Port, new Uri(addresses[^1]).Port);
    }

    private static void GiveUpStopping(int? failed)
    {
        if (failed is { } code)
        {
            if (OperatingSystem.IsWindows()) Environment.Exit(code);
            NativeFiles.ExitNow(code);
        }

        Console.Error.WriteLine($"hivemind: not stopped after {StopPatience.TotalSeconds:0} s, ending anyway.");
        Environment.Exit(StopTookTooLong);
    }
}

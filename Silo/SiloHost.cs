using HiveMind.Hosting;
using HiveMind.Storage;
using HiveMind.Web;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace HiveMind;

/// <summary>The server's whole life, so that `hivemind silo` and the Silo project start the same thing.</summary>
public static class SiloHost
{
    public const int BadConfiguration = 78; // EX_CONFIG of sysexits
    /// <summary>A store cannot be used now, for a reason that passes: a restart tries again. EX_TEMPFAIL.</summary>
    public const int StoreAway = 75;
    public const int StopTookTooLong = 1;
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(25);

    /// <summary>
    /// Runs until Ctrl-C or SIGTERM. 0 after a clean stop, 78 when it refuses to start, with one line per problem on stderr, 75 when a store is away
    /// for now, 74 when one failed under way (<see cref="FailStop"/>), 1 when it could not stop in time (a store that does not answer): what was
    /// acknowledged is durable all the same.
    /// </summary>
    /// <param name="args">Settings, `--lan`, `--accept-lost-floor`, `--accept-lost-books`.</param>
    /// <param name="startedAs">How the command line is started, for the lines that say what to type next.</param>
    public static async Task<int> Run(string[] args, string startedAs)
    {
        PrivateDirectory.MakePrivateByDefault();
        try
        {
            var startedAt = SteadyClock.OfProcess.GetTimestamp();
            var (builder, options) = SiloBuilderSetup.Create(args);
            using var limit = new Timer(_ => GiveUpStopping()); // first, so that it also watches over the stores' end
            await using var stores = await Stores.Open(options, args.Contains(StoreMatch.AcceptFlag), args.Contains(StoreMatch.AcceptBooksFlag));
            var certificate = ServedCertificate.Open(options, TimeProvider.System); // others read its dates by their own clocks
            await using var app = SiloBuilderSetup.Build(builder, options, stores, certificate);
            using var stopping = app.Lifetime.ApplicationStopping.Register(() => limit.Change(StopPatience, Timeout.InfiniteTimeSpan));
            await app.StartAsync();
            var ports = Listening(app);
            var address = HubAddresses.Local(options, ports.Grpc, certificate);
            using var local = LocalAddressFile.Write(options.DataDirectory, address);
            app.Services.GetRequiredService<PageOptions>().TellHow(startedAs, Banner.HubFlag(options, address));
            Banner.Print(ports, options, stores, certificate, startedAs, SteadyClock.OfProcess.GetElapsedTime(startedAt));
            await app.WaitForShutdownAsync();
            return 0;
        }
        catch (StartRefusedException refused)
        {
            foreach (var problem in refused.Problems) await Console.Error.WriteLineAsync($"hivemind: {problem}");
            return BadConfiguration;
        }
        catch (StoreRefusedException refused)
        {
            await Console.Error.WriteLineAsync($"hivemind: {refused.Message}");
            return BadConfiguration;
        }
        catch (StoreAwayException away)
        {
            await Console.Error.WriteLineAsync($"hivemind: {away.Message}");
            return StoreAway;
        }
        catch (IOException full) when (DiskError.IsFull(full))
        {
            await Console.Error.WriteLineAsync("hivemind: The silo cannot start: the disk is full. Make room in the data directory.");
            return StoreAway;
        }
        catch (HiveMindException away) when (away.Kind == FailureKind.Unavailable)
        {
            await Console.Error.WriteLineAsync($"hivemind: A store could not be used at the start: {away.Message} Start again when that is mended.");
            return StoreAway;
        }
    }

    private static ServedPorts Listening(WebApplication app)
    {
        var addresses = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.ToList();
        return new(new Uri(addresses[0]).Port, new Uri(addresses[^1]).Port);
    }

    private static void GiveUpStopping()
    {
        Console.Error.WriteLine($"hivemind: not stopped after {StopPatience.TotalSeconds:0} s, ending anyway.");
        Environment.Exit(StopTookTooLong);
    }
}

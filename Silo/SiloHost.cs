using HiveMind.Hosting;
using HiveMind.Storage;

namespace HiveMind;

/// <summary>The server's whole life, so that `hivemind silo` and the Silo project start the same thing.</summary>
public static class SiloHost
{
    public const int BadConfiguration = 78; // EX_CONFIG of sysexits

    /// <summary>Runs until Ctrl-C or SIGTERM. 0 after a clean stop, 78 when it refuses to start, with one line per problem on stderr.</summary>
    public static async Task<int> Run(string[] args)
    {
        try
        {
            var startedAt = TimeProvider.System.GetTimestamp();
            var (builder, options) = SiloBuilderSetup.Create(args);
            await using var stores = await Stores.Open(options, args.Contains(StoreMatch.AcceptFlag));
            await using var app = SiloBuilderSetup.Build(builder, options, stores);
            await app.StartAsync();
            Banner.Print(app, options, stores, TimeProvider.System.GetElapsedTime(startedAt));
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
    }
}

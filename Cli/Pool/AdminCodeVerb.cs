using System.CommandLine;
using HiveMind.Storage;

namespace HiveMind.Cli;

/// <summary>`admin-code`: the way back in for whoever has the hub's machine, also when no admin is left. The hub may be running.</summary>
internal sealed class AdminCodeVerb : Verb
{
    private const string VerbName = "admin-code";
    private readonly Argument<string[]> settings = new("SETTING")
    {
        Description = "Configuration of the silo, like --HiveMind:DataDirectory=/srv/hivemind.", Arity = ArgumentArity.ZeroOrMore,
    };

    public AdminCodeVerb(Terminal terminal) : base(VerbName, "On the hub's machine: make a new one-time code for an admin's account.", terminal)
    {
        Add(settings);
        TreatUnmatchedTokensAsErrors = false;
    }

    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        if (parsed.GetValue(Hub) is not null)
            throw CliException.Usage($"`{VerbName}` works on the hub's own machine: name its data directory with --HiveMind:DataDirectory=.");
        string[] words = [.. parsed.Tokens.Select(token => token.Value).SkipWhile(word => word == VerbName).Where(word => word != "--json")];
        var options = PoolSettings.ReadOptions(words);
        var file = await NewCode(options, stop);
        Terminal.Result(file, new { File = file, options.DataDirectory });
        Terminal.Hint($"Good once, and every code before it for nothing. Make the account: {Launch.Prefix} register NAME --email ADDRESS --admin-code-file {file}");
        return ExitCodes.Ok;
    }

    private static async Task<string> NewCode(Configuration.PoolOptions options, CancellationToken stop)
    {
        var path = DatabaseLocation.FindFile(options.Books.ConnectionString, options.DataDirectory);
        if (!File.Exists(path)) throw CliException.Usage($"There is no database at {path}: name the hub's data directory with --HiveMind:DataDirectory=.");
        try
        {
            using var database = SqliteDatabase.Open(path, TimeProvider.System);
            return await database.NewAdminCode(options.DataDirectory, stop);
        }
        catch (StoreRefusedException refused)
        {
            throw new CliException(SiloHost.BadConfiguration, refused.Message, "BOOKS_REFUSED");
        }
    }
}

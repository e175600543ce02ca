using System.CommandLine;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using HiveMind.Storage;

namespace HiveMind.Cli;

/// <summary>`migrate`: the embedded state store of a stopped silo moves to a Redis.</summary>
internal sealed partial class MigrateVerb : Verb
{
    private const string VerbName = "migrate";
    private readonly Option<string> to = new("--to")
    {
        Description = "The Redis, like 127.0.0.1:6379 or host:6379,password=…,ssl=true.", HelpName = "CONNECTION", Required = true,
    };
    private readonly Argument<string[]> settings = new("SETTING")
    {
        Description = "Configuration of the silo, like --HiveMind:DataDirectory=/srv/hivemind.", Arity = ArgumentArity.ZeroOrMore,
    };

    public MigrateVerb(Terminal terminal) : base(VerbName, "Move the state store of a stopped silo from its data directory to a Redis.", terminal)
    {
        Add(to);
        Add(settings);
        TreatUnmatchedTokensAsErrors = false;
    }

    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        if (parsed.GetValue(Hub) is not null)
        {
            throw CliException.Usage("`migrate` works on a stopped silo's data directory: name that with --HiveMind:DataDirectory=.");
        }

        PrivateDirectory.MakePrivateByDefault();
        var words = Settings(parsed);
        var connection = parsed.GetValue(to)!;
        var options = PoolSettings.ReadOptions(words);
        try
        {
            Terminal.Status("Copying and comparing…");
            var report = await Task.Run(() => StateStoreMigration.Run(options, connection, stop), stop);
            Terminal.EndStatus();
            Print(MigrateAnswer.Of(report, NextCommand(connection, words)));
            return ExitCodes.Ok;
        }
        catch (Exception refused) when (refused is StartRefusedException or StoreRefusedException)
        {
            throw new CliException(SiloHost.BadConfiguration, refused.Message, "MIGRATION_REFUSED");
        }
        catch (StoreAwayException away)
        {
            throw new CliException(SiloHost.StoreAway, away.Message, "MIGRATION_REFUSED");
        }
        catch (MigrationFailedException failed)
        {
            throw new CliException(ExitCodes.TaskFailed,
                $"{failed.Message} The embedded state store is as it was: run `{VerbName}` again, or start the silo on it.", "MIGRATION_FAILED");
        }
    }

    internal static string NextCommand(string connection, IEnumerable<string> words) => string.Join(' ',
        [Launch.Prefix, "silo", .. new[] { $"--HiveMind:Redis:ConnectionString={Password().Replace(connection, "password=PASSWORD")}" }.Concat(words).Select(Quoted)]);

    private void Print(MigrateAnswer answer)
    {
        Terminal.Result(answer.Copied
            ? $"Moved state store {answer.StateStoreId} to {answer.MovedTo}: {answer.Keys} keys with {answer.Entries} entries, the same on both sides."
            : $"State store {answer.StateStoreId} had been moved to {answer.MovedTo} already.", answer);
        Terminal.Hint("Next:");
        Terminal.Hint($"  {answer.Next}");
    }

    /// <summary>What is not ours is the silo's.</summary>
    private static string[] Settings(ParseResult parsed)
    {
        var words = parsed.Tokens.Select(token => token.Value).SkipWhile(word => word == VerbName).Where(word => word != "--json").ToList();
        var at = words.IndexOf("--to");
        if (at >= 0) words.RemoveRange(at, Math.Min(2, words.Count - at));
        return [.. words];
    }

    private static string Quoted(string word) => Plain().IsMatch(word) ? word : $"'{word.Replace("'", @"'\''", StringComparison.Ordinal)}'";

    [GeneratedRegex("^[A-Za-z0-9_./:=,@%+-]+$")]
    private static partial Regex Plain();

    [GeneratedRegex("password *=[^,]*", RegexOptions.IgnoreCase)]
    private static partial Regex Password();
}

/// <summary>What `migrate` answers.</summary>
internal sealed record MigrateAnswer([property: JsonPropertyName("floor_id")] string StateStoreId, string MovedTo, bool Copied, long Keys, long Entries, string Sha256, string Next)
{
    public static MigrateAnswer Of(MigrationReport report, string next) =>
        new(report.StateStoreId, report.Where, report.Copied, report.Keys, report.Entries, report.Hash, next);
}

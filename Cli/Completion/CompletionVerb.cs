using System.CommandLine;

namespace HiveMind.Cli;

/// <summary>`completion`: the script with which a shell completes our verbs and options, by the [suggest] directive of System.CommandLine.</summary>
internal sealed class CompletionVerb : Verb
{
    private static readonly string[] Shells = ["bash", "zsh", "fish"];
    private readonly Argument<string> shell = new("SHELL") { Description = string.Join(", ", Shells) };

    public CompletionVerb(Terminal terminal) : base("completion", "Print the script that completes this program's words in a shell.", terminal)
    {
        shell.CompletionSources.Add(Shells);
        Add(shell);
        Hub.Hidden = true;
    }

    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        var named = parsed.GetRequiredValue(shell);
        if (!Shells.Contains(named)) throw CliException.Usage($"'{named}' is none of {string.Join(", ", Shells)}.");
        using var source = new StreamReader(typeof(CompletionVerb).Assembly.GetManifestResourceStream($"completion.{named}")!);
        var script = await source.ReadToEndAsync(stop);
        Terminal.Result(script.TrimEnd('\n'), new { Shell = named, Script = script });
        return ExitCodes.Ok;
    }
}

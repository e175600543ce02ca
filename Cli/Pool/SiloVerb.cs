using System.CommandLine;
using HiveMind.Configuration;
using HiveMind.Hosting;

namespace HiveMind.Cli;

/// <summary>`silo`: the hub itself, in this process. Its arguments are configuration and go through untouched.</summary>
internal sealed class SiloVerb : Command
{
    private readonly Option<bool> stopWithStdin = new(StopWithStdin.Option) { Hidden = true };
    private readonly Option<bool> lan = new(SiloConfiguration.LanFlag)
    {
        Description = "Listen on all addresses, with TLS by a certificate of its own, so that other machines can join.",
    };
    private readonly Argument<string[]> settings = new("SETTING")
    {
        Description = "Configuration, like --HiveMind:Grpc:Port=50052.", Arity = ArgumentArity.ZeroOrMore,
    };

    public SiloVerb(Terminal terminal) : base("silo", "Run a hub.")
    {
        Add(lan);
        Add(stopWithStdin);
        Add(settings);
        TreatUnmatchedTokensAsErrors = false;
        SetAction((parsed, _) =>
        {
            terminal.Json = false;
            if (parsed.GetValue(stopWithStdin))
            {
                StopWithStdin.Watch(StopWithStdin.TerminateSelf);
            }

            return Run(Settings(parsed));
        });
    }

    private static async Task<int> Run(string[] settings)
    {
        using var signals = StopSignals.Watch(StopWithStdin.TerminateSelf);
        return await SiloHost.Run(settings, Launch.Prefix, TellParent());
    }

    /// <summary>Everything behind the verb, in the order it was written, but for what is ours.</summary>
    public static string[] Settings(ParseResult parsed) =>
        [.. parsed.Tokens.Select(token => token.Value).SkipWhile(word => word != "silo").Skip(1).Where(word => word != StopWithStdin.Option)];

    private static Action<ReadyLine>? TellParent() => Environment.GetEnvironmentVariable(ReadyLine.Variable) is { Length: > 0 } word
        ? ready => Console.Out.WriteLine(ready.Text(word)) : null;
}

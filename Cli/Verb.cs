using System.CommandLine;

namespace HiveMind.Cli;

/// <summary>What every verb shares: which hub, and whether people or scripts read the answer.</summary>
internal abstract class Verb : Command
{
    public const string DefaultHub = "http://127.0.0.1:50051";

    protected Verb(string name, string description, Terminal terminal) : base(name, description)
    {
        Terminal = terminal;
        Add(Hub);
        Add(Json);
        Add(Insecure);
        SetAction(async (parsed, stop) =>
        {
            Terminal.Json = parsed.GetValue(Json);
            return await Run(parsed, stop);
        });
    }

    protected Terminal Terminal { get; }
    protected Option<string?> Hub { get; } =
        new("--hub") { Description = $"Address of the hub (HIVEMIND_HUB; default {DefaultHub}).", HelpName = "URL" };
    protected Option<bool> Insecure { get; } =
        new("--insecure") { Description = $"Speak in clear with a hub on another machine ({HubAddress.InsecureVariable}=1): whoever is in between reads passwords and tokens." };
    protected Option<bool> Json { get; } = new("--json") { Description = "Answer in JSON." };

    /// <summary>The address that a command line and the environment ask for.</summary>
    public static Uri HubOf(ParseResult parsed) =>
        parsed.CommandResult.Command is Verb verb ? HubAddress.RequirePrivate(HubAddress.Parse(parsed.GetValue(verb.Hub)), parsed.GetValue(verb.Insecure)) : HubAddress.Parse(null);

    protected abstract Task<int> Run(ParseResult parsed, CancellationToken stop);

    /// <summary>A connection that carries the session of whoever is logged in, if anybody is.</summary>
    protected static async Task<HubClient> Connect(ParseResult parsed, CancellationToken stop)
    {
        var client = HubClient.WithSession(HubOf(parsed), new SessionFile(UserFolders.Config), TimeProvider.System);
        await client.RenewIfNeeded(stop);
        return client;
    }

    /// <summary>The next command to type, started as this one was and against the same hub.</summary>
    protected static string Next(ParseResult parsed, string command) => Words.Line(Launch.Next(HubOf(parsed), command));
}

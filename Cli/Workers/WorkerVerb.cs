using System.CommandLine;
using System.Globalization;
using HiveMind.Workers;
using HiveMind.Workers.Connection;
using HiveMind.Workers.Machine;

namespace HiveMind.Cli;

/// <summary>`worker`: lends this machine. The only file, with the entry point, that knows the worker library.</summary>
internal sealed class WorkerVerb : Verb
{
    private readonly Option<string?> nodeId = new("--node-id") { Description = "Name of this node (the host's).", HelpName = "ID" };
    private readonly Option<string?> tokenFile =
        new("--token-file") { Description = "File that node-token wrote, - for standard input; without it the login registers the node.", HelpName = "FILE" };
    private readonly Option<string?> cores = new("--cores") { Description = "Lend at most so many cores.", HelpName = "N" };
    private readonly Option<string?> memory = new("--memory") { Description = "Lend at most so much memory, like 4G.", HelpName = "SIZE" };
    private readonly Option<int?> gpus = new("--gpus") { Description = "Lend at most so many GPUs.", HelpName = "N" };
    private readonly Option<string?> disk = new("--disk") { Description = "Lend at most so much disk, like 50G (what is free, less a reserve).", HelpName = "SIZE" };
    private readonly Option<string[]> labels =
        new("--label") { Description = "What tasks may ask this machine for, like zone=a; as often as you like.", HelpName = "NAME=VALUE" };
    private readonly Option<bool> unsandboxed =
        new("--unsandboxed") { Description = "Take strangers' tasks even where nothing isolates them." };
    private readonly Option<bool> acceptStrangers =
        new("--accept-strangers") { Description = "Take strangers' tasks in the sandbox even where no control groups limit them." };
    private readonly Option<bool> check = new("--check") { Description = "Say what this machine can hold programs to and how to get more; lend nothing." };
    private readonly Option<bool> allowNoop = new("--allow-noop") { Description = "Offer the task type noop (tests, benchmarks)." };
    private readonly Option<string?> workDirectory =
        new("--work-directory") { Description = "Where runs have their temporary folders.", HelpName = "DIR" };
    private readonly Option<string?> drain =
        new("--drain") { Description = "When it is stopped, let what runs finish for so long, like 10m (not at all).", HelpName = "DURATION" };
    private readonly Option<string?> proxy =
        new("--proxy") { Description = $"Reach the hub through this proxy, like socks5://proxy:1080 ({HubProxy.Variable}; none).", HelpName = "URL" };
    private readonly Option<bool> stopWithStdin = new(StopWithStdin.Option) { Hidden = true };

    private readonly Func<CancellationToken, Task>? _prepare;

    public WorkerVerb(Terminal terminal, Func<CancellationToken, Task>? prepare) : base("worker", "Lend this machine to the pool.", terminal)
    {
        _prepare = prepare;
        Hub.Description += " Several, each with --hub, are tried in turn.";
        Hub.Arity = ArgumentArity.OneOrMore;
        Hub.CustomParser = result => result.Tokens[0].Value;
        foreach (var option in new Option[]
        {
            nodeId, tokenFile, cores, memory, gpus, disk, labels, unsandboxed, acceptStrangers, check, allowNoop, workDirectory, drain, proxy, stopWithStdin,
        })
        {
            Add(option);
        }
    }

    /// <summary>Whether a worker here would take tasks of strangers without being told to: something isolates them.</summary>
    public static async Task<bool> TakesStrangers(CancellationToken stop)
    {
        var options = new WorkerOptions { Hub = HubAddress.Parse(null), NodeId = "probe", NodeToken = "probe" };
        return (await MachineProbe.Ask(options, stop)).AcceptsStrangers;
    }

    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        if (_prepare is not null) await _prepare(stop);
        if (parsed.GetValue(check))
        {
            return await Check(parsed, stop);
        }

        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stop);
        using var signals = StopSignals.Watch(ending.Cancel);
        if (parsed.GetValue(stopWithStdin))
        {
            StopWithStdin.Watch(ending.Cancel);
        }

        var node = parsed.GetValue(tokenFile) is { } file ? await FromToken(parsed, file, ending.Token) : await FromLogin(parsed, ending.Token);
        var options = OptionsFor(parsed, node, WorkFolder(parsed, node));
        if (options.Validate() is { } wrong)
        {
            throw CliException.Usage(wrong);
        }

        Terminal.Hint($"This machine works for {HubAddress.Key(options.Hub)} as node {options.NodeId}. Ctrl-C stops it.");
        if (Terminal.Json)
        {
            Terminal.Result("", new { options.NodeId, Hub = HubAddress.Key(options.Hub) });
        }

        var exit = await WorkerHost.Run(options, ending.Token);
        if (exit == WorkerExit.NotKnown)
        {
            Terminal.Hint(Again(parsed, options));
        }

        return exit;
    }

    private WorkerOptions OptionsFor(ParseResult parsed, NodeToken node, string? work) => new()
    {
        Hub = new Uri(node.Hub),
        OtherHubs = OthersOf(parsed, new Uri(node.Hub)),
        Proxy = HubProxy.For(new Uri(node.Hub), parsed.GetValue(proxy)),
        DrainTimeout = parsed.GetValue(drain) is { } patience ? TimeSpan.FromSeconds(DurationText.Seconds(patience)) : TimeSpan.Zero,
        NodeId = node.NodeId,
        NodeToken = node.Token,
        MaxCores = parsed.GetValue(cores) is { } many ? CoresOf(many) : 0,
        MaxMemoryMb = parsed.GetValue(memory) is { } much ? SizeText.Megabytes(much) : 0,
        MaxGpus = parsed.GetValue(gpus) ?? -1,
        MaxDiskMb = parsed.GetValue(disk) is { } room ? SizeText.Megabytes(room) : 0,
        Labels = LabelWords.Read(parsed.GetValue(labels) ?? []),
        Unsandboxed = parsed.GetValue(unsandboxed),
        AcceptStrangers = parsed.GetValue(acceptStrangers),
        AllowNoop = parsed.GetValue(allowNoop),
        WorkDirectory = work ?? WorkerOptions.DefaultWorkDirectory(),
    };

    /// <summary>0: this machine holds programs to all that a stranger's task needs; 1: not to all.</summary>
    private async Task<int> Check(ParseResult parsed, CancellationToken stop)
    {
        var options = OptionsFor(parsed, new NodeToken(HubAddress.Parse(null).OriginalString, "check", "check"), parsed.GetValue(workDirectory));
        var findings = await MachineProbe.Check(options, stop);
        Terminal.Result(string.Join('\n', findings.Select(Line)), new { Findings = findings });
        return findings.All(finding => finding.IsHeld) ? ExitCodes.Ok : ExitCodes.TaskFailed;
    }

    private static string Line(MachineFinding finding) =>
        (finding.IsHeld ? "yes  " : "NO   ") + finding.What + (finding.Remedy.Length > 0 ? $"\n     To get it: {finding.Remedy}." : "");

    /// <summary>Needs nothing else of this machine: no login, no address.</summary>
    private async Task<NodeToken> FromToken(ParseResult parsed, string file, CancellationToken stop)
    {
        var text = file == "-" ? TokenFromInput() : await File.ReadAllTextAsync(file, stop);
        var token = NodeToken.Parse(text, file == "-" ? "Standard input" : file);
        var id = parsed.GetValue(nodeId) ?? token.NodeId;
        if (id.Length == 0)
        {
            throw CliException.Usage($"{file} holds a token and not whose it is: name the node with --node-id, or make a whole file with `node-token`.");
        }

        if (token.NodeId.Length > 0 && id != token.NodeId)
        {
            throw CliException.Usage($"{file} is of node {token.NodeId}, not {id}: a token is good for one node only.");
        }

        return new NodeToken(HubAddress.Full(HubFor(parsed, token)), id, token.Token);
    }

    private string TokenFromInput()
    {
        if (Terminal.CanAsk)
        {
            return Terminal.AskHidden("The line that node-token printed");
        }

        return Console.In.ReadLine() ?? "";
    }

    /// <summary>The file's hub; at another address, if one is named, it is still known by the same key.</summary>
    private Uri HubFor(ParseResult parsed, NodeToken token)
    {
        if (token.Hub.Length == 0)
        {
            return HubOf(parsed);
        }

        var written = HubAddress.Read(token.Hub);
        if (parsed.GetValue(Hub) is not { } named)
        {
            return written;
        }

        return KnownBy(HubAddress.Read(named), written);
    }

    /// <summary>The further addresses of the same hub, which is known by the same key at each of them.</summary>
    private List<Uri> OthersOf(ParseResult parsed, Uri first)
    {
        var words = parsed.GetResult(Hub)?.Tokens.Select(token => token.Value).Skip(1) ?? [];
        return [.. words.Select(word => HubAddress.RequirePrivate(KnownBy(HubAddress.Read(word), first), parsed.GetValue(Insecure)))];
    }

    private static Uri KnownBy(Uri hub, Uri first) =>
        hub.Scheme == first.Scheme && hub.Fragment.Length == 0 ? new Uri(HubAddress.Key(hub) + first.Fragment) : hub;

    private async Task<NodeToken> FromLogin(ParseResult parsed, CancellationToken stop)
    {
        var id = parsed.GetValue(nodeId);
        var asked = OptionsFor(parsed, new NodeToken(HubOf(parsed).OriginalString, id ?? "", "unknown"), parsed.GetValue(workDirectory));
        var capabilities = await MachineProbe.Ask(asked, stop);
        using var hub = await Connect(parsed, stop);
        var node = await new NodeRegistration(hub, new NodeTokenFile(UserFolders.Config), MachineId.Of(UserFolders.Config)).Ensure(id, capabilities, stop);
        return new NodeToken(HubAddress.Full(hub.Address), node.NodeId, node.NodeToken);
    }

    private string Again(ParseResult parsed, WorkerOptions options)
    {
        if (parsed.GetValue(tokenFile) is not null)
        {
            return $"Where its owner is logged in, a new token is made by: {Launch.Prefix} node-token {options.NodeId}";
        }

        new NodeTokenFile(UserFolders.Config).Remove(options.Hub, options.NodeId);
        return $"Register it again: {Next(parsed, "worker")}";
    }

    // One folder per node: a starting worker removes what an earlier one left there, and two may share a machine.
    private string WorkFolder(ParseResult parsed, NodeToken node) =>
        parsed.GetValue(workDirectory) is { } named
            ? Path.GetFullPath(named)
            : Path.Combine(WorkerOptions.DefaultWorkDirectory(), NodeTokenFile.FileName(new Uri(node.Hub), node.NodeId));

    private static double CoresOf(string text) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) && number > 0
            ? number
            : throw CliException.Usage($"--cores: '{text}' is no number above 0.");
}

using System.CommandLine;
using System.Globalization;
using HiveMind.Workers;
using HiveMind.Workers.Machine;

namespace HiveMind.Cli;

/// <summary>`worker`: lends this machine. The only file that knows the worker library.</summary>
internal sealed class WorkerVerb : Verb
{
    private readonly Option<string?> nodeId = new("--node-id") { Description = "Name of this node (the host's).", HelpName = "ID" };
    private readonly Option<string?> tokenFile =
        new("--token-file") { Description = "File with the node's token; without it the login registers the node.", HelpName = "FILE" };
    private readonly Option<string?> cores = new("--cores") { Description = "Lend at most so many cores.", HelpName = "N" };
    private readonly Option<string?> memory = new("--memory") { Description = "Lend at most so much memory, like 4G.", HelpName = "SIZE" };
    private readonly Option<int?> gpus = new("--gpus") { Description = "Lend at most so many GPUs.", HelpName = "N" };
    private readonly Option<bool> unsandboxed =
        new("--unsandboxed") { Description = "Take strangers' tasks even where nothing isolates them." };
    private readonly Option<bool> allowNoop = new("--allow-noop") { Description = "Offer the task type noop (tests, benchmarks)." };
    private readonly Option<string?> workDirectory =
        new("--work-directory") { Description = "Where runs have their temporary folders.", HelpName = "DIR" };
    private readonly Option<bool> stopWithStdin = new(StopWithStdin.Option) { Hidden = true };

    public WorkerVerb(Terminal terminal) : base("worker", "Lend this machine to the pool.", terminal)
    {
        foreach (var option in new Option[]
        {
            nodeId, tokenFile, cores, memory, gpus, unsandboxed, allowNoop, workDirectory, stopWithStdin,
        })
        {
            Add(option);
        }
    }

    /// <summary>Whether a worker here would take tasks of strangers without being told to: something isolates them.</summary>
    public static async Task<bool> TakesStrangers(CancellationToken stop)
    {
        var options = new WorkerOptions { Hub = HubAddress.Parse(null), NodeId = "probe", NodeToken = "probe" };
        return MachineProbe.Capabilities(await MachineProbe.Measure(options, stop), options).AcceptsStrangers;
    }

    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stop);
        if (parsed.GetValue(stopWithStdin))
        {
            StopWithStdin.Watch(ending.Cancel);
        }

        var node = await Node(parsed, OptionsFor(parsed, parsed.GetValue(nodeId) ?? "", "unknown", default), ending.Token);
        var options = OptionsFor(parsed, node.NodeId, node.NodeToken, WorkFolder(parsed, node));
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
            new NodeTokenFile(UserFolders.Config).Remove(options.Hub, options.NodeId);
            Terminal.Hint($"Register it again: {Next(parsed, "worker")}");
        }

        return exit;
    }

    private WorkerOptions OptionsFor(ParseResult parsed, string id, string token, string? work) => new()
    {
        Hub = HubOf(parsed),
        NodeId = id,
        NodeToken = token,
        MaxCores = parsed.GetValue(cores) is { } many ? CoresOf(many) : 0,
        MaxMemoryMb = parsed.GetValue(memory) is { } much ? SizeText.Megabytes(much) : 0,
        MaxGpus = parsed.GetValue(gpus) ?? -1,
        Unsandboxed = parsed.GetValue(unsandboxed),
        AllowNoop = parsed.GetValue(allowNoop),
        WorkDirectory = work ?? WorkerOptions.DefaultWorkDirectory(),
    };

    private async Task<StoredNode> Node(ParseResult parsed, WorkerOptions asked, CancellationToken stop)
    {
        if (parsed.GetValue(tokenFile) is { } file)
        {
            var token = (await File.ReadAllTextAsync(file, stop)).Trim();
            return asked.NodeId.Length > 0
                ? new StoredNode(HubAddress.Key(asked.Hub), asked.NodeId, "", token)
                : throw CliException.Usage("--token-file needs --node-id: a token is good for one node only.");
        }

        var capabilities = MachineProbe.Capabilities(await MachineProbe.Measure(asked, stop), asked);
        using var hub = await Connect(parsed, stop);
        var registration = new NodeRegistration(hub, new NodeTokenFile(UserFolders.Config));
        return await registration.Ensure(asked.NodeId.Length > 0 ? asked.NodeId : null, capabilities, stop);
    }

    // One folder per node: a starting worker removes what an earlier one left there, and two may share a machine.
    private string WorkFolder(ParseResult parsed, StoredNode node) =>
        parsed.GetValue(workDirectory) is { } named
            ? Path.GetFullPath(named)
            : Path.Combine(
                WorkerOptions.DefaultWorkDirectory(),
                Path.GetFileNameWithoutExtension(new NodeTokenFile(UserFolders.Config).PathOf(new Uri(node.Hub), node.NodeId)));

    private static double CoresOf(string text) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) && number > 0
            ? number
            : throw CliException.Usage($"--cores: '{text}' is no number above 0.");
}

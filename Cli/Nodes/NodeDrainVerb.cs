using System.CommandLine;
using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>`node-drain`: empties a machine, so that it can be taken out of service without a task noticing.</summary>
internal sealed class NodeDrainVerb : Verb
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(500);

    private readonly Argument<string> nodeId = new("NODE");
    private readonly Option<string?> deadline = new("--deadline")
    {
        Description = "What still runs then is taken back and run elsewhere, like 10m; without it what runs may finish, however long it takes.",
        HelpName = "TIME",
    };
    private readonly Option<string?> reason = new("--reason") { Description = "Shown to whoever asks why it gets no work.", HelpName = "TEXT" };
    private readonly Option<bool> wait = new("--wait") { Description = "Until nothing runs there any more." };

    public NodeDrainVerb(Terminal terminal) : base("node-drain", "Empty one of your machines: nothing new, what runs may finish.", terminal)
    {
        Add(nodeId);
        Add(deadline);
        Add(reason);
        Add(wait);
    }

    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        using var hub = await Connect(parsed, stop);
        var id = parsed.GetRequiredValue(nodeId);
        var request = new DrainNodeRequest
        {
            NodeId = id, Reason = parsed.GetValue(reason) ?? "",
            DeadlineSeconds = parsed.GetValue(deadline) is { } text ? DurationText.Seconds(text) : 0,
        };
        var node = (await hub.Nodes.DrainNodeAsync(request, cancellationToken: stop)).Node;
        if (parsed.GetValue(wait)) node = await UntilEmpty(hub, node, stop);
        var until = node.TaskCount > 0 && node.DrainDeadline.Length > 0 ? $" until {node.DrainDeadline} at most" : "";
        Terminal.Result($"Node {id} is {(node.TaskCount == 0 ? "empty and" : "draining and")} given nothing new; {Cordons.Runs(node)}{until}.", Cordons.Shape(node));
        if (node.TaskCount > 0) Terminal.Hint($"How far it is: {Next(parsed, "nodes")}");
        Terminal.Hint($"Give it work again: {Next(parsed, $"node-uncordon {id}")}");
        return ExitCodes.Ok;
    }

    private async Task<NodeInfo> UntilEmpty(HubClient hub, NodeInfo node, CancellationToken stop)
    {
        var shown = -1;
        while (node.TaskCount > 0)
        {
            if (node.TaskCount != shown) Terminal.Status($"Waiting: {Cordons.Runs(node)}.");
            shown = node.TaskCount;
            await Task.Delay(LookEvery, stop);
            await hub.RenewIfNeeded(stop);
            node = (await hub.Nodes.GetNodeInfoAsync(new GetNodeInfoRequest { NodeId = node.NodeId }, cancellationToken: stop)).Node;
        }

        Terminal.EndStatus();
        return node;
    }
}

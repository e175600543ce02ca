using System.CommandLine;
using System.Globalization;
using Grpc.Core;
using HiveMind.Protos;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace HiveMind.Cli;

/// <summary>`top`: the pool at a glance, refreshed in place.</summary>
internal sealed class TopVerb : Verb
{
    private static readonly TimeSpan Pace = TimeSpan.FromSeconds(1);

    private readonly Option<bool> once = new("--once") { Description = "One picture, then end (always so without a terminal)." };

    public TopVerb(Terminal terminal) : base("top", "Watch the pool: nodes, queue, what runs.", terminal) => Add(once);

    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        using var hub = await Connect(parsed, stop);
        if (parsed.GetValue(once) || !Terminal.IsLive)
        {
            var picture = await Look(hub, null, stop);
            Terminal.Result($"{picture.Line}\n{picture.Table.Plain()}", new
            {
                Stats = StatsVerb.Shape(picture.Stats), Nodes = picture.Nodes.Select(NodesVerb.Shape),
            });
            return ExitCodes.Ok;
        }

        await AnsiConsole.Live(new Text("")).StartAsync(live => Refresh(hub, live, stop));
        return ExitCodes.Ok;
    }

    private static async Task Refresh(HubClient hub, LiveDisplayContext live, CancellationToken stop)
    {
        Picture? last = null;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await hub.RenewIfNeeded(stop);
                last = await Look(hub, last, stop);
                live.UpdateTarget(Draw(last, "Ctrl-C ends this, not the pool."));
            }
            catch (RpcException away) when (last is not null && away.StatusCode is StatusCode.Unavailable or StatusCode.DeadlineExceeded)
            {
                live.UpdateTarget(Draw(last!, "The hub is away; this was the last picture."));
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }

            await Task.Delay(Pace, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static Rows Draw(Picture picture, string note) =>
        new(new Text(picture.Line), picture.Table.Drawn(), new Text(note, new Style(decoration: Decoration.Dim)));

    private static async Task<Picture> Look(HubClient hub, Picture? before, CancellationToken stop)
    {
        var stats = await hub.Tasks.GetSystemStatsAsync(new GetSystemStatsRequest(), cancellationToken: stop);
        var nodes = await NodeList.Read(hub, "", stop);
        return new Picture(stats, [.. nodes.OrderBy(node => node.Status == "offline").ThenBy(node => node.NodeId, StringComparer.Ordinal)], before);
    }

    /// <summary>One look at the pool; with the one before it also how fast tasks complete.</summary>
    private sealed class Picture(GetSystemStatsResponse stats, IReadOnlyList<NodeInfo> nodes, Picture? before)
    {
        private readonly long at = TimeProvider.System.GetTimestamp();

        public GetSystemStatsResponse Stats => stats;
        public IReadOnlyList<NodeInfo> Nodes => nodes;

        public string Line
        {
            get
            {
                var done = before is null ? "" : $", {Words.Number(Rate(before))} completed a second";
                return $"{stats.ActiveNodes} of {nodes.Count} nodes active, {stats.PendingTasks} waiting, {stats.RunningTasks} running, "
                    + $"{stats.CompletedTasks24H} completed in 24 h{done}";
            }
        }

        public TextTable Table
        {
            get
            {
                var table = new TextTable("node", "status", "cpu %", "memory %", "cores free", "running", "done", "failed");
                foreach (var node in nodes)
                {
                    var usage = node.ResourceUsage ?? new ResourceUsage();
                    table.Add(node.NodeId, NodesVerb.Status(node), Whole(usage.CpuUsage), Whole(usage.MemoryUsage),
                        $"{Words.Number(node.FreeCpuCores)} of {Words.Number(node.Capabilities?.CpuCores ?? 0)}",
                        Whole(node.TaskCount), Whole(node.CompletedTasks), Whole(node.FailedTasks));
                }

                return table;
            }
        }

        private double Rate(Picture earlier) => Math.Max(0, stats.CompletedTasks24H - earlier.Stats.CompletedTasks24H)
            / Math.Max(0.001, TimeProvider.System.GetElapsedTime(earlier.at, at).TotalSeconds);

        private static string Whole(double number) => number.ToString("0", CultureInfo.InvariantCulture);
    }
}

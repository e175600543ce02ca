using System.CommandLine;
using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>`stats`: the pool in a few figures.</summary>
internal sealed class StatsVerb(Terminal terminal) : Verb("stats", "Show the pool in a few figures.", terminal)
{
    /// <summary>The figures as scripts read them. Names are a promise: append only.</summary>
    public static object Shape(GetSystemStatsResponse stats) => new
    {
        stats.ActiveNodes, stats.PendingTasks, stats.RunningTasks, CompletedTasks24h = stats.CompletedTasks24H,
        stats.AverageTaskDuration, stats.SystemUptime,
    };

    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        using var hub = await Connect(parsed, stop);
        var stats = await hub.Tasks.GetSystemStatsAsync(new GetSystemStatsRequest(), cancellationToken: stop);
        var lines = new[]
        {
            $"active nodes          {stats.ActiveNodes}",
            $"pending tasks         {stats.PendingTasks}",
            $"running tasks         {stats.RunningTasks}",
            $"completed in 24 h     {stats.CompletedTasks24H}",
            $"mean task duration    {Words.Number(stats.AverageTaskDuration)} s",
            $"up                    {TimeSpan.FromSeconds(Math.Floor(stats.SystemUptime)):c}",
        };
        Terminal.Result(string.Join('\n', lines), Shape(stats));
        return ExitCodes.Ok;
    }
}

using System.Globalization;
using HiveMind.Nodes;
using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Simulation;

/// <summary>Writes down what happens to one task or node, for whoever looks into a seed.</summary>
internal sealed class EventWatch(string subject, TextWriter output)
{
    public void Say(in SimEvent what, long step)
    {
        var text = $"{what.Kind} {Subjects(what)} {Words(what.Body)}";
        if (text.Contains(subject, StringComparison.Ordinal))
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{step,8} {TimeSpan.FromTicks(what.At):c} {text}"));
    }

    private static string Subjects(in SimEvent what) => what.Kind switch
    {
        EventKind.Enqueue or EventKind.Remove or EventKind.Cancel or EventKind.LeaveIndex or EventKind.Mend or EventKind.Dequeue or EventKind.Expire or EventKind.ExpireAnswered => $"t{what.A:D9}",
        EventKind.Grant or EventKind.AttemptLost => $"t{what.A:D9} [{what.B}]",
        EventKind.Claim => $"t{what.A:D9} n{what.B:D2}",
        EventKind.DropArrives => $"n{what.A:D2} t{what.B:D9}",
        EventKind.Pump or EventKind.DueCheck or EventKind.SchedulerStarts or EventKind.RebuildPage or EventKind.Submit or EventKind.SweepPage => $"{what.A} {what.B}",
        _ => $"n{what.A:D2} [{what.B}]",
    };

    private static string Words(object? body) => body switch
    {
        null => "",
        OfferOnItsWay offer => $"offer {string.Join(' ', offer.Offer.Tasks.Select(task => task.TaskId))} to n{offer.Node:D2}"
            + (offer.Result is { } result ? $" answered {string.Join(' ', result.Answers.Select(answer => $"{answer.TaskId}={answer.Kind}"))} {Words(result.View)}" : ""),
        NodeView view => $"view {view.Version}: free {view.Free} takes {view.CanTakeWork}{(view.IsSettling ? ", settling," : "")} runs {string.Join(' ', view.Running.Select(run => run.TaskId))}",
        BeatMessage beat => $"epoch {beat.Epoch}, running {string.Join(' ', beat.Running.Select(run => $"{run.TaskId}#{run.Attempt}"))}",
        SimRun run => $"{run.Said}",
        IEnumerable<TaskAssignment> assignments => string.Join(' ', assignments.Select(assignment => $"{assignment.TaskId}#{assignment.Attempt}")),
        IEnumerable<AttemptReport> reports => string.Join(' ', reports),
        _ => body.ToString() ?? "",
    };
}

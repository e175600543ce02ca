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
        EventKind.Enqueue or EventKind.Remove or EventKind.Cancel or EventKind.LeaveIndex or EventKind.Expire or EventKind.ExpireAnswered => $"t{what.A:D9}",
        EventKind.Asks or EventKind.Resumes => Subject(((SimCommand)what.Body!).Actor),
        EventKind.DropArrives => $"n{what.A:D2} t{what.B:D9}",
        EventKind.Pump or EventKind.DueCheck or EventKind.SchedulerStarts or EventKind.RebuildPage or EventKind.Submit or EventKind.SweepPage => $"{what.A} {what.B}",
        _ => $"n{what.A:D2} [{what.B}]",
    };

    private static string Subject(SimActor actor) => actor switch
    {
        SimNode node => node.Id,
        SimTask task => task.Id,
        _ => "sweep",
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
        SimCommand command => command.Steps.Current switch
        {
            SaveTask save => $"saves {save.Why}: {save.Next.State} {save.Next.Current?.Number} {save.Next.Current?.NodeId}",
            SaveNode save => $"saves {save.Why}: epoch {save.Next.Epoch}",
            AskGrants grants => $"asks for {string.Join(' ', grants.Tasks.Select((task, i) => $"{task.TaskId}={grants.Answers[i]?.Assignment?.Attempt}{grants.Answers[i]?.Refusal}"))}",
            MarkTasks mark => $"marks {string.Join(' ', mark.TaskIds)}",
            ExamineTasks examine => $"examines {string.Join(' ', examine.Asked.Select((one, i) => $"{one.TaskId}={examine.Answers[i]?.Kind}"))}",
            TellStarts starts => $"tells starts {string.Join(' ', starts.Started)}",
            TellLosses losses => $"tells losses {string.Join(' ', losses.Lost)}",
            RecordEnds ends => $"records {string.Join(' ', ends.Reports.Select((report, i) => $"{report.TaskId}#{report.Attempt}={ends.Verdicts[i]?.Kind}"))}",
            TellScheduler tell => Words(tell.View),
            SweepEffect wait => $"{wait.GetType().Name} {wait.TaskId}",
            var wait => wait.GetType().Name,
        },
        _ => body.ToString() ?? "",
    };
}

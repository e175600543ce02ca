using HiveMind.Protos;
using HiveMind.Tasks;

namespace HiveMind.Cli;

/// <summary>Why a task did not complete, as the last lines that a person reads. Pure.</summary>
internal static class TaskEnds
{
    public static IEnumerable<string> Of(GetTaskStatusResponse task)
    {
        var end = ProgramEnd.Of(task).Text;
        // A worker that has nothing of the program's to say says just this.
        var said = task.ErrorMessage.StartsWith("Ended by signal", StringComparison.Ordinal) || task.ErrorMessage.StartsWith("Ended with exit code", StringComparison.Ordinal);
        string[] why = said && task.TermSignal == 0 && !task.HasExitCode ? [task.Reason, task.ErrorMessage]
            : said ? [task.Reason, $"Ended {(task.TermSignal > 0 ? "by" : "with")} {end}."]
            : [end.Length == 0 ? task.Reason : task.Reason.Length == 0 ? end : $"{task.Reason}, {end}", task.ErrorMessage];
        yield return $"Task {task.TaskId} {TaskShapes.StateWord(task.State)}: {string.Join(": ", why.Where(part => part.Length > 0))}";
        if (Stopped(task) is { Length: > 0 } stopped)
        {
            yield return stopped;
        }

        if (task.Reason == Causes.WorkerFault)
        {
            yield return CauseTexts.For(Causes.WorkerFault);
        }
    }

    /// <summary>What its program was sent when a limit of time or a cancel ended it; empty where nothing was, or a hub of before does not say.</summary>
    public static string Stopped(GetTaskStatusResponse task)
    {
        if (task.GraceSeconds == 0 || task.Reason is not (Causes.RunTimeout or Causes.TotalTimeout or Causes.Cancelled)
            || task.Attempts.LastOrDefault() is not { StartedAt.Length: > 0 } last || last.Cause != task.Reason)
        {
            return "";
        }

        return task.GraceSeconds < 0 ? "Its program was killed at once (SIGKILL): it was submitted with --grace 0."
            : last.TermSignal switch
            {
                SignalNames.Terminate => "Its program was sent SIGTERM, which ended it.",
                SignalNames.Kill => $"Its program was sent SIGTERM, and SIGKILL {task.GraceSeconds} s later.",
                _ => $"Its program was sent SIGTERM, and SIGKILL {task.GraceSeconds} s later unless it had ended.",
            };
    }
}

using System.CommandLine;
using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>`status`: where a task stands, and why it waits or failed.</summary>
internal sealed class StatusVerb : Verb
{
    /// <summary>Of a terminal's 80, beside the names of the rows.</summary>
    private const int Width = 70;

    private readonly Argument<string?> taskId = new("TASK") { Description = "Its id (`tasks` lists them).", Arity = ArgumentArity.ZeroOrOne };

    public StatusVerb(Terminal terminal) : base("status", "Show a task, and why it waits or failed.", terminal) => Add(taskId);

    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        var id = parsed.GetValue(taskId) ?? throw CliException.Usage($"Which task? Your tasks: {Next(parsed, "tasks")}");
        using var hub = await Connect(parsed, stop);
        var task = await hub.Tasks.GetTaskStatusAsync(new GetTaskStatusRequest { TaskId = id }, cancellationToken: stop);
        Terminal.Result(string.Join('\n', Lines(task).Select(Words.Line)), TaskShapes.Status(task));
        var next = TaskFollow.HasEnded(task.State) ? "result" : task.State == TaskState.Pending ? "explain" : "watch";
        Terminal.Hint($"Next: {Next(parsed, $"{next} {task.TaskId}")}");

        return ExitCodes.Ok;
    }

    internal static IEnumerable<string> Lines(GetTaskStatusResponse task)
    {
        yield return $"task      {task.TaskId}";
        yield return $"state     {TaskShapes.StateWord(task.State)}";
        if (task.Reason.Length > 0)
        {
            yield return $"reason    {task.Reason}: {task.ReasonText}";
        }

        if (ProgramEnd.Of(task) is { Text.Length: > 0, ExitCode: not 0 } end)
        {
            yield return $"program   ended {(end.Signal is null ? "with" : "by")} {end.Text}";
        }

        if (TaskEnds.Stopped(task) is { Length: > 0 } stopped)
        {
            foreach (var line in Words.Wrapped(stopped, Width))
            {
                yield return $"          {line}";
            }
        }

        yield return $"type      {task.TaskType}, priority {task.Priority.ToString().ToLowerInvariant()}";
        foreach (var line in Given(task))
        {
            yield return line;
        }

        yield return $"created   {task.CreatedAt}";
        yield return $"started   {Words.OrDash(task.StartedAt)}";
        yield return $"ended     {Words.OrDash(task.CompletedAt)}";
        yield return $"node      {Words.OrDash(task.AssignedNode)}";
        yield return $"attempt   {task.Attempt} of at most {task.MaxAttempts}; {RetryText.Of(task.Retry)}";
        if (task.QueueDeadlineSeconds > 0 || task.TotalTimeoutSeconds > 0 || task.LeaseSeconds > 0)
        {
            yield return $"limits    {string.Join(", ", Limits(task))}";
        }

        foreach (var one in task.Attempts)
        {
            var lead = $"  {one.Attempt,6}  ";
            foreach (var line in AttemptWords.Lines(one).SelectMany(line => Words.Wrapped(line, Width)))
            {
                yield return $"{lead}{line}";
                lead = "          ";
            }
        }

        if (task.Attempts.Count > 1)
        {
            yield return $"          Output and result are those of attempt {task.Attempts[^1].Attempt} alone.";
        }

        yield return $"cost      {Words.Credits(task.CostCredits)} credits";
        if (task.ErrorMessage.Length > 0)
        {
            yield return $"error     {task.ErrorMessage}";
        }
    }

    private static IEnumerable<string> Limits(GetTaskStatusResponse task)
    {
        if (task.QueueDeadlineSeconds > 0)
        {
            yield return $"started within {task.QueueDeadlineSeconds} s";
        }

        if (task.TotalTimeoutSeconds > 0)
        {
            yield return $"ended within {task.TotalTimeoutSeconds} s";
        }

        if (task.LeaseSeconds > 0)
        {
            yield return $"kept for {task.LeaseSeconds} s while its machine is silent";
        }
    }

    /// <summary>What the program was given beside its code and arguments. Values of variables may be secrets: --json has them.</summary>
    private static IEnumerable<string> Given(GetTaskStatusResponse task)
    {
        if (task.Environment.Count > 0)
        {
            yield return $"variables {string.Join(' ', task.Environment.Keys.Order(StringComparer.Ordinal))}";
        }

        if (task.StandardInputSize > 0)
        {
            yield return $"input     {task.StandardInputSize} bytes";
        }
    }
}

using System.CommandLine;
using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>`status`: where a task stands, and why it waits or failed.</summary>
internal sealed class StatusVerb : Verb
{
    private readonly Argument<string?> taskId = new("TASK") { Description = "Its id (`tasks` lists them).", Arity = ArgumentArity.ZeroOrOne };

    public StatusVerb(Terminal terminal) : base("status", "Show a task, and why it waits or failed.", terminal) => Add(taskId);

    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        var id = parsed.GetValue(taskId) ?? throw CliException.Usage($"Which task? Your tasks: {Next(parsed, "tasks")}");
        using var hub = await Connect(parsed, stop);
        var task = await hub.Tasks.GetTaskStatusAsync(new GetTaskStatusRequest { TaskId = id }, cancellationToken: stop);
        Terminal.Result(string.Join('\n', Lines(task)), TaskShapes.Status(task));
        var next = TaskFollow.HasEnded(task.State) ? "result" : task.State == TaskState.Pending ? "explain" : "watch";
        Terminal.Hint($"Next: {Next(parsed, $"{next} {task.TaskId}")}");

        return ExitCodes.Ok;
    }

    private static IEnumerable<string> Lines(GetTaskStatusResponse task)
    {
        yield return $"task      {task.TaskId}";
        yield return $"state     {TaskShapes.StateWord(task.State)}";
        if (task.Reason.Length > 0)
        {
            yield return $"reason    {task.Reason}: {task.ReasonText}";
        }

        yield return $"type      {task.TaskType}, priority {task.Priority.ToString().ToLowerInvariant()}";
        yield return $"created   {task.CreatedAt}";
        yield return $"started   {Words.OrDash(task.StartedAt)}";
        yield return $"ended     {Words.OrDash(task.CompletedAt)}";
        yield return $"node      {Words.OrDash(task.AssignedNode)}";
        yield return $"attempt   {task.Attempt} of at most {task.MaxAttempts}; {RetryText.Of(task.Retry)}";
        if (task.QueueDeadlineSeconds > 0 || task.TotalTimeoutSeconds > 0)
        {
            yield return $"limits    {string.Join(", ", Limits(task))}";
        }

        if (task.Attempts.Count > 0)
        {
            foreach (var line in Attempts(task).Plain().Split('\n'))
            {
                yield return $"          {line}";
            }
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
    }

    /// <summary>Where each attempt was, how it ended and what it used; a dash for what is not known.</summary>
    internal static TextTable Attempts(GetTaskStatusResponse task)
    {
        var table = new TextTable("attempt", "node", "assigned", "ended", "cause", "ran", "cpu", "memory", "credits");
        foreach (var one in task.Attempts)
        {
            var cause = one.ExitCode == 0 ? Words.OrDash(one.Cause) : $"{one.Cause} (exit code {one.ExitCode})";
            table.Add(
                $"{one.Attempt}", one.NodeId, one.AssignedAt, Words.OrDash(one.EndedAt), cause, $"{Words.Number(one.RunMs / 1000.0)} s",
                one.CpuMs == 0 ? "-" : $"{Words.Number(one.CpuMs / 1000.0)} s", one.MemoryPeakMb == 0 ? "-" : $"{one.MemoryPeakMb} MiB",
                Words.Credits(one.CostCredits));
        }

        return table;
    }
}

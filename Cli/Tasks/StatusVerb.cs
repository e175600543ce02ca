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
        Terminal.Hint($"Next: {Next(parsed, $"{(TaskFollow.HasEnded(task.State) ? "result" : "watch")} {task.TaskId}")}");

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
        yield return $"attempt   {task.Attempt} of at most {task.MaxAttempts}";
        foreach (var attempt in task.Attempts)
        {
            yield return $"          {attempt.Attempt}: on {attempt.NodeId}, {attempt.RunMs} ms, {Words.OrDash(attempt.Cause)}";
        }

        yield return $"cost      {Words.Credits(task.CostCredits)} credits";
        if (task.ErrorMessage.Length > 0)
        {
            yield return $"error     {task.ErrorMessage}";
        }
    }
}

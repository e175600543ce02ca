using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>Hands a task's output on, byte for byte: its standard output to ours (or a file), its standard error to ours.</summary>
internal static class TaskOutput
{
    public static async Task<int> Show(
        HubClient hub, Terminal terminal, string taskId, string? outputFile, CancellationToken stop)
    {
        var result = await hub.Tasks.GetTaskResultAsync(new GetTaskResultRequest { TaskId = taskId }, cancellationToken: stop);
        if (outputFile is not null)
        {
            await File.WriteAllBytesAsync(outputFile, result.Result.ToByteArray(), stop);
        }

        if (terminal.Json)
        {
            terminal.Result("", TaskShapes.Result(taskId, result));
        }
        else
        {
            if (outputFile is null)
            {
                await Copy(result.Result.Memory, Console.OpenStandardOutput(), stop);
            }

            await Copy(result.Stderr.Memory, Console.OpenStandardError(), stop);
        }

        if (result.State == TaskState.Completed)
        {
            return ExitCodes.Ok;
        }

        terminal.Hint($"Task {taskId} {TaskShapes.StateWord(result.State)}: {Why(result)}");
        return ExitCodes.TaskFailed;
    }

    private static string Why(GetTaskResultResponse result)
    {
        var text = string.Join(": ", new[] { result.Reason, result.ErrorMessage }.Where(part => part.Length > 0));
        return text.Length > 0 ? text : $"exit code {result.ExitCode}";
    }

    private static async Task Copy(ReadOnlyMemory<byte> bytes, Stream target, CancellationToken stop)
    {
        await using (target)
        {
            await target.WriteAsync(bytes, stop);
            await target.FlushAsync(stop);
        }
    }
}

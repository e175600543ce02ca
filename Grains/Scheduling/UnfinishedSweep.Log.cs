using Microsoft.Extensions.Logging;

namespace HiveMind.Scheduling;

public sealed partial class UnfinishedSweep
{
    [LoggerMessage(1, LogLevel.Information, "Index entry {TaskId} has no task: its submit never came to an end; removed")]
    private static partial void LogOrphan(ILogger logger, string taskId);

    [LoggerMessage(2, LogLevel.Information, "Attempt {Attempt} of task {TaskId} is lost: node {NodeId} does not hold it")]
    private static partial void LogLost(ILogger logger, string taskId, int attempt, string nodeId);

    [LoggerMessage(4, LogLevel.Error, "{Count} index entries cannot be read, {Newer} of them written by a newer program; their tasks are asked instead. Among them: {TaskIds}")]
    private static partial void LogUnreadable(ILogger logger, long count, long newer, string taskIds);

    [LoggerMessage(3, LogLevel.Warning, "Sweeping {Subject} failed; the next sweep meets it again")]
    private static partial void LogFailed(ILogger logger, Exception exception, string subject);
}

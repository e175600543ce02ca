using Microsoft.Extensions.Logging;

namespace HiveMind.Scheduling;

public sealed partial class UnfinishedSweep
{
    [LoggerMessage(1, LogLevel.Information, "Index entry {TaskId} has no task: its submit never came to an end; removed")]
    private static partial void LogOrphan(ILogger logger, string taskId);

    [LoggerMessage(2, LogLevel.Information, "Attempt {Attempt} of task {TaskId} is lost: node {NodeId} does not hold it")]
    private static partial void LogLost(ILogger logger, string taskId, int attempt, string nodeId);

    [LoggerMessage(3, LogLevel.Warning, "Sweeping {Subject} failed; the next sweep meets it again")]
    private static partial void LogFailed(ILogger logger, Exception exception, string subject);
}

using Microsoft.Extensions.Logging;

namespace HiveMind.Scheduling;

public sealed partial class SchedulerGrain
{
    [LoggerMessage(1, LogLevel.Information, "Scheduler rebuilt from the index: {Found} tasks wait")]
    private static partial void LogRebuilt(ILogger logger, int found);

    [LoggerMessage(2, LogLevel.Warning, "The index could not be read; trying again")]
    private static partial void LogRebuildFailed(ILogger logger, Exception exception);

    [LoggerMessage(3, LogLevel.Warning, "Offer of {Tasks} tasks to node {NodeId} was not answered; they are tried again")]
    private static partial void LogOfferFailed(ILogger logger, Exception exception, string nodeId, int tasks);

    [LoggerMessage(4, LogLevel.Error, "The scheduler's picture broke; starting anew from the index")]
    private static partial void LogCoreFailed(ILogger logger, Exception exception);

    [LoggerMessage(5, LogLevel.Warning, "Task {TaskId} should have been started by now and could not be ended; tried again")]
    private static partial void LogExpireFailed(ILogger logger, Exception exception, string taskId);

    [LoggerMessage(6, LogLevel.Error, "{Count} index entries cannot be read and were left out; the sweeper asks their tasks")]
    private static partial void LogUnreadable(ILogger logger, int count);

    [LoggerMessage(7, LogLevel.Warning, "Node {NodeId} was not heard of any more, and is forgotten until it is")]
    private static partial void LogSilent(ILogger logger, string nodeId);
}

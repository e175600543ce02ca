using Microsoft.Extensions.Logging;

namespace HiveMind.Tasks;

public sealed partial class TaskGrain
{
    [LoggerMessage(LogLevel.Debug, "Task {TaskId} attempt {Attempt} assigned to node {NodeId}")]
    private partial void LogAssigned(string taskId, int attempt, string nodeId);

    [LoggerMessage(LogLevel.Debug, "Task {TaskId} attempt {Attempt} on node {NodeId} ended: {Cause} after {RunMs} ms")]
    private partial void LogAttemptEnded(string taskId, int attempt, string nodeId, string cause, long runMs);

    [LoggerMessage(LogLevel.Warning, "Task {TaskId} attempt {Attempt}: node {NodeId} did not stop it in time; the hub ends it")]
    private partial void LogOverdue(string taskId, int attempt, string nodeId);

    [LoggerMessage(LogLevel.Debug, "Task {TaskId} ended while it waited: {Cause}")]
    private partial void LogExpired(string taskId, string cause);

    [LoggerMessage(LogLevel.Information, "Task {TaskId} cancelled (node {NodeId})")]
    private partial void LogCancelled(string taskId, string? nodeId);

    [LoggerMessage(LogLevel.Warning, "Task {TaskId}: a hint to scheduler or node got lost; the sweeper will repeat it")]
    private partial void LogHintLost(Exception error, string taskId);
}

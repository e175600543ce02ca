using Microsoft.Extensions.Logging;

namespace HiveMind.Nodes;

public sealed partial class NodeGrain
{
    [LoggerMessage(LogLevel.Information, "Node {NodeId} connected, epoch {Epoch}")]
    private partial void LogConnected(string nodeId, long epoch);

    [LoggerMessage(LogLevel.Warning, "Node {NodeId} ended its lease, epoch {Epoch}, {Attempts} attempts requeued: {Cause}")]
    private partial void LogLost(string nodeId, long epoch, int attempts, string cause);

    [LoggerMessage(LogLevel.Information, "Node {NodeId} forgotten")]
    private partial void LogForgotten(string nodeId);

    [LoggerMessage(LogLevel.Information, "Node {NodeId} cordoned by {User}: {Reason}")]
    private partial void LogCordoned(string nodeId, string user, string reason);

    [LoggerMessage(LogLevel.Information, "Node {NodeId} drains until {Deadline:u}, says {User}: {Reason}")]
    private partial void LogDrains(string nodeId, DateTimeOffset deadline, string user, string reason);

    [LoggerMessage(LogLevel.Information, "Node {NodeId} uncordoned by {User}")]
    private partial void LogUncordoned(string nodeId, string user);

    [LoggerMessage(LogLevel.Warning, "Node {NodeId} cordoned until {Until:u}: {Reason}")]
    private partial void LogCordonedForFailures(string nodeId, DateTimeOffset until, string reason);

    [LoggerMessage(LogLevel.Information, "Node {NodeId} is tried again")]
    private partial void LogTriedAgain(string nodeId);

    [LoggerMessage(LogLevel.Information, "Node {NodeId}: {Attempts} attempts taken back: {Cause}")]
    private partial void LogTakenBack(string nodeId, int attempts, string cause);

    [LoggerMessage(LogLevel.Warning, "Node {NodeId}: offer not carried out")]
    private partial void LogOfferFailed(Exception error, string nodeId);

    [LoggerMessage(LogLevel.Warning, "Node {NodeId}: grant of task {TaskId} not confirmed")]
    private partial void LogGrantFailed(Exception error, string nodeId, string taskId);

    [LoggerMessage(LogLevel.Warning, "Node {NodeId}: report for task {TaskId} attempt {Attempt} not recorded")]
    private partial void LogReportFailed(Exception error, string nodeId, string taskId, int attempt);

    [LoggerMessage(LogLevel.Warning, "Node {NodeId}: task {TaskId} not yet told that its attempt is lost")]
    private partial void LogTaskNotTold(Exception error, string nodeId, string taskId);

    [LoggerMessage(LogLevel.Warning, "Node {NodeId}: task {TaskId}, named by its worker, could not be looked up")]
    private partial void LogLookUpFailed(Exception error, string nodeId, string taskId);

    [LoggerMessage(LogLevel.Warning, "Node {NodeId}: this hub was away for some seconds; the lease begins anew")]
    private partial void LogHubWasAway(string nodeId);

    [LoggerMessage(LogLevel.Warning, "Node {NodeId}: what it holds could not be compared with the index; done again")]
    private partial void LogNotTended(Exception error, string nodeId);

    [LoggerMessage(LogLevel.Information, "Node {NodeId}: task {TaskId} attempt {Attempt} is not its own any more, and is to be killed")]
    private partial void LogForgottenDrop(string nodeId, string taskId, int attempt);

    [LoggerMessage(LogLevel.Warning, "Node {NodeId} suspended: the account {OwnerId} is inactive")]
    private partial void LogSuspended(string nodeId, string ownerId);

    [LoggerMessage(LogLevel.Information, "Node {NodeId} reinstated with its owner's account")]
    private partial void LogReinstated(string nodeId);

    [LoggerMessage(LogLevel.Warning, "Node {NodeId}: its owner's account could not be asked; what was known goes on")]
    private partial void LogOwnerNotAsked(Exception error, string nodeId);

    [LoggerMessage(LogLevel.Information, "Node {NodeId}: its token was revoked by {User}")]
    private partial void LogTokenRevoked(string nodeId, string user);

    [LoggerMessage(LogLevel.Debug, "Node {NodeId}: push lost")]
    private partial void LogPushFailed(Exception error, string nodeId);

    [LoggerMessage(LogLevel.Debug, "Node {NodeId}: scheduler not told")]
    private partial void LogSchedulerNotTold(Exception error, string nodeId);

    [LoggerMessage(LogLevel.Warning, "Node {NodeId}: liveness check failed, next one tries again")]
    private partial void LogTickFailed(Exception error, string nodeId);

    [LoggerMessage(LogLevel.Information, "Node {NodeId}: another start of a worker waits until the one that is connected is silent")]
    private partial void LogHeldOff(string nodeId);

    [LoggerMessage(LogLevel.Warning, "Node {NodeId}: a second worker with its token was refused, the first is alive")]
    private partial void LogInUse(string nodeId);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Node {Node}: {Count} attempts that were kept for it are lost: nothing was heard of it for {Silence}")]
    private partial void LogKeptLost(string node, int count, TimeSpan silence);
}

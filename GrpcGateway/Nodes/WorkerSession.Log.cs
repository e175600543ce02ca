using Microsoft.Extensions.Logging;

namespace HiveMind.Nodes;

internal sealed partial class WorkerSession
{
    [LoggerMessage(Level = LogLevel.Information, Message = "Worker of node {NodeId} connected, epoch {Epoch}")]
    private partial void Opened(string nodeId, long epoch);

    [LoggerMessage(Level = LogLevel.Information, Message = "Worker of node {NodeId} disconnected, epoch {Epoch}")]
    private partial void Closed(string nodeId, long epoch);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Heartbeat of node {NodeId} not taken ({Failures} in a row): {Type} {Text}")]
    private partial void HeartbeatFailed(string nodeId, int failures, string type, string text);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Count} reports of node {NodeId} not taken: {Type} {Text}")]
    private partial void ReportsFailed(string nodeId, int count, string type, string text);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Node {NodeId}, epoch {Epoch}: disconnect not taken: {Type} {Text}")]
    private partial void DisconnectFailed(string nodeId, long epoch, string type, string text);
}

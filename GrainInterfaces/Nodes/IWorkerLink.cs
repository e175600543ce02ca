using HiveMind.Tasks;
using Orleans.Concurrency;

namespace HiveMind.Nodes;

/// <summary>The way to a worker: its gateway stream. Pushes are hints; heartbeats heal what is lost.</summary>
[Alias("HiveMind.IWorkerLink")]
public interface IWorkerLink : IGrainObserver
{
    [OneWay, Alias("Assign")] Task Assign(IReadOnlyList<TaskAssignment> assignments);
    [OneWay, Alias("Kill")] Task Kill(string taskId, int attempt, string reason);
    /// <summary>Another connection took over, or the node was unregistered: close the stream.</summary>
    [OneWay, Alias("Close")] Task Close(string reason);
}

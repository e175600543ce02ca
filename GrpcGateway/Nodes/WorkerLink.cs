using HiveMind.Tasks;
using Wire = HiveMind.Protos;

namespace HiveMind.Nodes;

/// <summary>What a NodeGrain pushes, turned into frames of the worker's stream. Never waits: the grain's call is one-way.</summary>
internal sealed class WorkerLink(Action<Wire.HubMessage> push, Action<string> close) : IWorkerLink
{
    public Task Assign(IReadOnlyList<TaskAssignment> assignments)
    {
        foreach (var assigned in assignments) push(NodeMapping.ToFrame(assigned));
        return Task.CompletedTask;
    }

    public Task Kill(string taskId, int attempt, string reason)
    {
        push(new Wire.HubMessage { Kill = new Wire.KillAttempt { TaskId = taskId, Attempt = attempt, Reason = reason } });
        return Task.CompletedTask;
    }

    public Task Close(string reason)
    {
        close(reason);
        return Task.CompletedTask;
    }
}

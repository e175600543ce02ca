using System.Collections.Concurrent;
using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Tests.Gateway;

/// <summary>Task grains that remember what was submitted, and the scheduler that is asked how much waits.</summary>
internal sealed class FakeTasks
{
    private int _bearing;

    public FakeTasks(TestGateway gateway)
    {
        gateway.Grains.AddOthers<ITaskGrain>(id => Stub<ITaskGrain>.New()
            .On("Submit", a => Submit(id, (TaskSpec)a[0]!))
            .On("GetSnapshot", _ => Task.FromResult(Born.TryGetValue(id, out var spec) ? Snapshot(id, spec) : null)).Object);
        gateway.Grains.Add(Shards.Default, Stub<ISchedulerGrain>.New().On("GetUserLoad", a =>
        {
            LoadsAsked++;
            return Task.FromResult(new UserLoad(Born.Values.Count(spec => spec.UserId == (string)a[0]!), 0, 0));
        }).Object);
    }

    public ConcurrentDictionary<string, TaskSpec> Born { get; } = new();
    public int LoadsAsked { get; private set; }
    /// <summary>Passed by each submit before it is durable.</summary>
    public Func<string, Task> Before { get; set; } = _ => Task.CompletedTask;
    public int MostTogether { get; private set; }
    public int Submits { get; private set; }

    private async Task<TaskSnapshot> Submit(string id, TaskSpec spec)
    {
        lock (Born)
        {
            Submits++;
            MostTogether = Math.Max(MostTogether, ++_bearing);
        }

        try
        {
            await Before(id);
            var known = Born.GetOrAdd(id, spec);
            return known.Arguments.SequenceEqual(spec.Arguments)
                ? Snapshot(id, known)
                : throw new HiveMindException(FailureKind.AlreadyExists, "REQUEST_ID_REUSED", "Used.", "request_id");
        }
        finally
        {
            lock (Born) _bearing--;
        }
    }

    private static TaskSnapshot Snapshot(string id, TaskSpec spec) =>
        new() { TaskId = id, Spec = spec, State = TaskState.Pending, CreatedAt = DateTimeOffset.UnixEpoch };
}

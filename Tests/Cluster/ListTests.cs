using HiveMind.Scheduling;
using HiveMind.Storage;
using HiveMind.Tasks;
using HiveMind.Tests.Processes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace HiveMind.Tests.Cluster;

/// <summary>Lists over real grains, state store and database.</summary>
[Collection(HubCollection.Name)]
public sealed class ListTests(HubFixture hub)
{
    private readonly string _type = hub.NewName("type");
    private readonly string _user = hub.NewName("user");

    private async Task<List<ListedTask>> List(TaskFilter? filter = null, int size = 3, Func<Task>? between = null)
    {
        var listing = new TaskListing(
            hub.Grains, hub.Services.GetRequiredService<IOpenTasks>(), hub.Services.GetRequiredService<ITaskHistory>(), NullLogger<TaskListing>.Instance);
        var all = new List<ListedTask>();
        TaskKey? below = null;
        do
        {
            var (tasks, next) = await listing.Page(filter ?? new TaskFilter { UserId = _user }, below, size, CancellationToken.None);
            all.AddRange(tasks);
            below = next;
            if (between is not null) await between();
        }
        while (below is not null);
        return all;
    }

    private Task<string> Submit() => hub.Submit(HubFixture.Spec(_type, _user, cores: 0.1));

    [Fact]
    public async Task Submitted_IsInTheListAtOnceAndStaysThroughItsLife()
    {
        var id = await Submit();
        Assert.Equal((id, TaskState.Pending), (Assert.Single(await List()).Key.TaskId, (await List())[0].State));

        var machine = await hub.Connected(_type);
        await machine.Starts(id);
        Assert.Equal((TaskState.Running, machine.Id, 1), ((await List())[0].State, (await List())[0].NodeId, (await List())[0].Attempts));

        await machine.Ends(id);
        Assert.Equal(TaskState.Completed, Assert.Single(await List()).State); // settled or not
        await hub.Settled();
        var ended = Assert.Single(await List());
        Assert.Equal((id, TaskState.Completed, machine.Id), (ended.Key.TaskId, ended.State, ended.NodeId));
        Assert.False(await hub.IsUnfinished(id));
    }

    [Fact]
    public async Task Pages_WhileTasksEndAndOthersCome_HaveEveryOneThatWasThereOnce()
    {
        var machine = await hub.Connected(_type);
        var ids = new List<string>();
        for (var i = 0; i < 12; i++) ids.Add(await Submit());
        foreach (var id in ids.Take(4)) await End(machine, id);
        await hub.Settled();
        var turn = 4;

        var listed = await List(size: 2, between: async () =>
        {
            await Submit();
            if (turn < ids.Count) await End(machine, ids[turn++]);
            if (turn % 2 == 0) await hub.Settled();
        });

        var seen = listed.Select(task => task.Key.TaskId).ToList();
        Assert.Equal(seen.Count, seen.Distinct().Count());
        Assert.Empty(ids.Except(seen));
    }

    [Fact]
    public async Task Filters_ByStateAndType_ShowOnlyThose()
    {
        var machine = await hub.Connected(_type);
        var done = await Submit();
        await End(machine, done);
        var other = await hub.Submit(HubFixture.Spec(hub.NewName("type"), _user));
        var cancelled = await hub.Submit(HubFixture.Spec(hub.NewName("type"), _user));
        await hub.Task(cancelled).Cancel();

        Assert.Equal([done], await Ids(new() { UserId = _user, States = [TaskState.Completed] }));
        Assert.Equal([cancelled], await Ids(new() { UserId = _user, States = [TaskState.Cancelled] }));
        Assert.Equal([other], await Ids(new() { UserId = _user, States = [TaskState.Pending] }));
        Assert.Equal([done], await Ids(new() { UserId = _user, TaskType = _type }));
        Assert.Superset(new HashSet<string> { done, other, cancelled }, (await Ids(new TaskFilter())).ToHashSet());
    }

    private async Task<List<string>> Ids(TaskFilter filter) => [.. (await List(filter, 50)).Select(task => task.Key.TaskId)];

    private static async Task End(Machine machine, string id)
    {
        await machine.Starts(id);
        await machine.Ends(id);
    }
}

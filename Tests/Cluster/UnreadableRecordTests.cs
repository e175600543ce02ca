using HiveMind.Nodes;
using HiveMind.Rewards;
using HiveMind.Scheduling;
using HiveMind.Storage;
using HiveMind.Tasks;
using HiveMind.Users;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Orleans.Serialization;

namespace HiveMind.Tests.Cluster;

/// <summary>A grain's record that cannot be read is told apart from a store that is away; whoever reads many goes around it, and nobody deletes it.</summary>
[Collection(HubCollection.Name)]
public sealed class UnreadableRecordTests(HubFixture hub)
{
    private readonly string _type = hub.NewName("type");
    private readonly string _user = hub.NewName("user");

    public static TheoryData<string> Kinds => ["damaged", "cut", "empty", "later"];

    private byte[] Stored(string kind, string user) => kind switch
    {
        "damaged" => [0xFF, 0xFE, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        "cut" => Bytes(new TaskRecord { Spec = HubFixture.Spec(_type, user) })[..30],
        "empty" => Bytes(new TaskRecord()),
        _ => Bytes(new TaskRecord { Version = TaskRecord.CurrentVersion + 1, Spec = HubFixture.Spec(_type, user) }),
    };

    private byte[] Bytes<T>(T record) => hub.Services.GetRequiredService<Serializer>().SerializeToArray(record);

    [Theory, MemberData(nameof(Kinds))]
    public async Task TaskRecord_ThatCannotBeRead_IsGoneAroundAndRunsWhenItIsMended(string kind)
    {
        var id = await hub.Submit(HubFixture.Spec(_type, _user));
        var other = await hub.Submit(HubFixture.Spec(_type, _user) with { Payload = new(5000, $"5{Guid.NewGuid():N}{Guid.NewGuid():N}"[..64], null) });
        Machine machine;
        await using (await hub.Damage(hub.Task(id), "task", Stored(kind, _user)))
        {
            Assert.True(HiveMindException.IsUnreadable(await Record.ExceptionAsync(() => hub.Task(id).GetSnapshot())));
            Assert.True(UnreadableRecords.Count > 0);

            var (listed, next) = await Listing().Page(new TaskFilter { UserId = _user }, null, 10, CancellationToken.None);
            Assert.Null(next);
            Assert.Equal(new[] { (id, TaskStates.Unreadable, "RECORD_UNREADABLE"), (other, TaskState.Pending, "") }.Order(),
                listed.Select(task => (task.Key.TaskId, task.State, task.State == TaskStates.Unreadable ? task.Reason : "")).Order());
            Assert.All(listed, task => Assert.Equal((_user, _type), (task.UserId, task.TaskType)));

            var references = new HubFileReferences(hub.Index, hub.Grains, hub.Database);
            await hub.Index.Mark([id], "somewhere"); // while it waits with its program in its record it names no file
            var named = await references.NamedByOpenTasks(hub.Clock.GetUtcNow().AddHours(1), CancellationToken.None);
            Assert.Contains(FileKey.Of((await hub.Snapshot(other)).Spec.Payload.Sha256), named.Named); // the others are asked all the same
            Assert.True(named.UnknownSince <= hub.Clock.GetUtcNow());
            Assert.True(await references.IsCurrentAttempt(id, 7));

            machine = await hub.Connected(_type);
            await machine.Assigned(other);
            await Sweep();
            await hub.Until(async () => (await Scheduler.Missing([id])).Count == 1, "it has left the queue, and its offer is not made again and again");
            await machine.Ends(other);
            await hub.Settled();
            Assert.False(await hub.IsUnfinished(other));
            Assert.True(await hub.IsUnfinished(id));
        }

        await Sweep();
        await machine.Assigned(id);
        Assert.Equal(ReportVerdictKind.Accepted, (await machine.Ends(id)).Kind);
        await hub.Settled();
        Assert.False(await hub.IsUnfinished(id));
    }

    [Fact]
    public async Task NodeRecord_ThatCannotBeRead_IsShownAsSuchAndCountsForNobody()
    {
        var (damaged, good) = (await hub.Connected(_type), await hub.Connected(_type));
        var directory = new NodeDirectory(hub.Grains, hub.NodeIndex, hub.Clock);
        await using (await hub.Damage(damaged.Grain, "node", Bytes(new NodeRecord { Version = NodeRecord.CurrentVersion + 1 })))
        {
            var all = await directory.All(CancellationToken.None);
            Assert.Contains(all, node => node.NodeId == good.NodeId && !node.IsUnreadable);
            var shown = Assert.Single(all, node => node.NodeId == damaged.NodeId);
            Assert.Equal((true, "offline"), (shown.IsUnreadable, shown.Status));
            Assert.Equal(shown.Cordoned, NodeMapping.ToInfo(shown, new(0, 0, 0, 0), isOwn: false).Cordoned);
            var (page, _) = await directory.Page("", NodeDirectory.LargestPage, _ => true, CancellationToken.None);
            Assert.Contains(page, node => node.NodeId == damaged.NodeId && node.IsUnreadable);
            Assert.True(await hub.Grains.GetGrain<IAccountLoadGrain>(_user).AdmitNode(hub.NewName("node"), Roles.User)); // it looks through all of them
            await Sweep();
        }

        Assert.False((await damaged.Snapshot()).IsUnreadable);
    }

    [Fact]
    public async Task UserRecord_ThatCannotBeRead_HoldsUpNeitherItsTasksNorOtherAccounts()
    {
        var (damaged, other) = (await hub.NewUser("correct horse battery"), await hub.NewUser("correct horse battery"));
        await hub.LogIn(damaged, "correct horse battery");
        var (mine, second) = (await hub.Submit(HubFixture.Spec(_type, damaged.UserId)), await hub.Submit(HubFixture.Spec(_type, damaged.UserId)));
        var others = await hub.Submit(HubFixture.Spec(_type, other.UserId));
        await hub.Overwrite(second, [250, 1]);
        await using (await hub.Damage(hub.Grains.GetGrain<IUserGrain>(damaged.UserId), "user", [0xFF, 0xFE, 1, 2, 3]))
        {
            foreach (var user in new[] { damaged, other }) await hub.Database.UpdateAccount(user with { IsActive = false }, new("u-admin"), CancellationToken.None);

            await hub.PassUntil(async () =>
            {
                foreach (var id in new[] { mine, second, others })
                    if ((await hub.Snapshot(id)).State != TaskState.Cancelled) return false;
                return true;
            }, "all cancelled");
        }

        await hub.PassUntil(async () => !(await hub.Database.Closing(100, CancellationToken.None)).Any(id => id == damaged.UserId || id == other.UserId), "both closed");
    }

    /// <summary>The word that it waits no more was lost, and no machine can ever run it.</summary>
    [Fact]
    public async Task EndedTask_LeftInTheSchedulersQueue_LeavesItWithTheNextSweeps()
    {
        var id = await hub.Submit(HubFixture.Spec(_type, _user));
        var pending = (await hub.Task(id).Examine()).Pending!;
        await hub.Task(id).Cancel();
        await hub.Settled();
        await Scheduler.Enqueue([pending]);
        var waits = await hub.Submit(HubFixture.Spec(_type, _user));

        for (var sweeps = 0; sweeps < 3; sweeps++) await Sweep();

        Assert.Equal([id], await Scheduler.Missing([id, waits]));
        await hub.Task(waits).Cancel();
    }

    private Task Sweep() => hub.Grains.GetGrain<ISweeperGrain>(Shards.Default).Sweep();

    private ISchedulerGrain Scheduler => hub.Grains.GetGrain<ISchedulerGrain>(Shards.Default);

    private TaskListing Listing() => new(
        hub.Grains, hub.Services.GetRequiredService<IOpenTasks>(), hub.Services.GetRequiredService<ITaskHistory>(), NullLogger<TaskListing>.Instance);
}

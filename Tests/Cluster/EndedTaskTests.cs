using System.Text.Json;
using HiveMind.Scheduling;
using HiveMind.Storage;
using HiveMind.Tasks;
using Microsoft.Extensions.Logging.Abstractions;

namespace HiveMind.Tests.Cluster;

/// <summary>The record of an ended task leaves the state store for the database: nobody who asks can tell.</summary>
[Collection(HubCollection.Name)]
public sealed class EndedTaskTests(HubFixture hub)
{
    private string _type = hub.NewName("type");
    private readonly string _user = hub.NewName("user");

    private Task<int> Erase(TimeSpan retain) => new EndedTaskEraser(
        hub.Database, hub.Grains, new HubOptions { Tasks = { RetainEnded = retain } }, hub.Clock, NullLogger<EndedTaskEraser>.Instance).Run(CancellationToken.None);

    private TaskSpec Spec(string program = "print(1)") => HubFixture.Spec(_type, _user, program: program) with
    {
        Labels = "zone = a", Arguments = ["--size", "10", ""], StandardInput = [0, 255], Priority = TaskPriority.High, MaxOutputMb = 7, Role = "user",
        Retry = new() { ExitCodes = [7], MaxAttempts = 2 }, TotalTimeout = TimeSpan.FromHours(3), QueueDeadline = TimeSpan.FromHours(2),
        Resources = new ResourceRequest(500, 128, 0) { DiskMb = 3 }, Hold = new(0, 0, 2),
    };

    /// <summary>An attempt that failed, one that completed, with outputs in its record.</summary>
    private async Task<string> Ended(string requestId)
    {
        _type = hub.NewName("type"); // nobody else's machine
        var machine = await hub.Connected(_type, Machine.Usual with { Labels = new Dictionary<string, string> { ["zone"] = "a" }, DiskMb = 100 });
        var id = TaskIds.New(_user, requestId);
        await hub.Task(id).Submit(Spec(), mayBeOld: true);
        await machine.Starts(id);
        hub.Clock.Advance(TimeSpan.FromSeconds(2));
        machine.Running.Clear();
        await machine.Report(Machine.Ended(id, 1, Causes.ProgramFailed) with { ExitCode = 7, MemoryPeakMb = 12, CpuMs = 34 });
        await hub.PassUntil(() => Task.FromResult(machine.Link.HasAssigned(id, 2)), "attempt 2", machine);
        await machine.Starts(id, 2);
        hub.Clock.Advance(TimeSpan.FromSeconds(3));
        machine.Running.Clear();
        await machine.Report(Machine.Ended(id, 2) with { Result = HubFixture.Blob("a result"), Stderr = HubFixture.Blob("a word"), MemoryPeakMb = 5, CpuMs = 6 });
        await hub.Settled();
        return id;
    }

    [Fact]
    public async Task Erased_EveryFieldOfItsRecord_IsInTheDatabase()
    {
        var id = await Ended("one");
        var before = await hub.Snapshot(id);
        Assert.Equal((2, TaskState.Completed), (before.Attempts.Count, before.State));

        Assert.True(await Erase(TimeSpan.Zero) >= 1);

        Assert.Null(await hub.Task(id).GetSnapshot());
        var after = await hub.Database.Find(id, CancellationToken.None);
        Assert.Equal(JsonSerializer.Serialize(before), JsonSerializer.Serialize(after));
        Assert.True(TaskLifecycle.SameContent(before.Spec, after!.Spec));
        Assert.Equal("a result"u8.ToArray(), after.Result.Inline);
        Assert.Equal(0, await Erase(TimeSpan.Zero)); // and once is enough
    }

    [Fact]
    public async Task Submit_AnErasedTasksRequestIdAgain_IsThatTaskAndNeverRunsTwice()
    {
        var id = await Ended("again");
        await Erase(TimeSpan.Zero);

        var repeated = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => hub.Task(id).Submit(Spec(), mayBeOld: true)));

        Assert.All(repeated, task => Assert.Equal((id, TaskState.Completed, 2), (task.TaskId, task.State, task.Attempts.Count)));
        var other = await HubFixture.Refused(FailureKind.AlreadyExists, () => hub.Task(id).Submit(Spec("print(2)"), mayBeOld: true));
        Assert.Equal(("REQUEST_ID_REUSED", "request_id"), (other.Reason, other.Field));
        Assert.Null(await hub.Task(id).GetSnapshot());
        Assert.False(await hub.IsUnfinished(id));
    }

    /// <summary>Whichever comes first: a repeat while the record goes is answered by one of the two stores.</summary>
    [Fact]
    public async Task Submit_WhileTheRecordIsErased_IsThatTask()
    {
        var id = await Ended("race");
        var answers = new List<Task<TaskSnapshot>>();
        var erasing = Erase(TimeSpan.Zero);
        while (!erasing.IsCompleted)
        {
            var asked = hub.Task(id).Submit(Spec(), mayBeOld: true);
            answers.Add(asked);
            await asked;
        }
        await erasing;
        answers.Add(hub.Task(id).Submit(Spec(), mayBeOld: true));
        foreach (var answer in answers) Assert.Equal(TaskState.Completed, (await answer).State);
        Assert.False(await hub.IsUnfinished(id));
    }

    [Fact]
    public async Task Erase_YoungUnsettledOrOpen_Stays()
    {
        var young = await Ended("young");
        var open = await hub.Submit(Spec() with { Hold = null });
        await Erase(TimeSpan.FromHours(1));
        Assert.NotNull(await hub.Task(young).GetSnapshot());
        Assert.False(await hub.Task(open).Erase()); // whoever asks
        Assert.Null((await hub.Snapshot(open)).EndedAt); // it waits, or the machine that is there has taken it
        await hub.Task(open).Cancel();
    }

    /// <summary>Each step as the last one before a crash: the next pass ends it.</summary>
    [Fact]
    public async Task Erase_CutShortAfterAnyStep_IsFinishedByTheNextPass()
    {
        var (kept, gone) = (await Ended("kept"), await Ended("gone"));
        await hub.Database.Keep([await hub.Snapshot(kept), await hub.Snapshot(gone)], CancellationToken.None);
        await hub.Task(gone).Erase();

        Assert.True(await Erase(TimeSpan.Zero) >= 2);

        foreach (var id in new[] { kept, gone })
        {
            Assert.Null(await hub.Task(id).GetSnapshot());
            Assert.Equal(TaskState.Completed, (await hub.Database.Find(id, CancellationToken.None))!.State);
        }
        var left = await hub.Database.StillInStateStore(DateTimeOffset.MaxValue.AddDays(-1), null, 1000, CancellationToken.None);
        Assert.DoesNotContain(left, row => row.TaskId == kept || row.TaskId == gone);
    }
}

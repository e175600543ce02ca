using Grpc.Core;
using HiveMind.Scheduling;
using HiveMind.Storage;
using HiveMind.Tasks;
using HiveMind.Tests.Processes;
using Wire = HiveMind.Protos;

namespace HiveMind.Tests.Gateway;

/// <summary>Whose tasks a caller may list, and what a page looks like on the wire.</summary>
public sealed class ListTasksTests : IAsyncLifetime
{
    private readonly TestGateway _gateway = TestGateway.Start();
    private TaskFilter? _asked;

    private static string Id(int number) => $"{number:x32}";

    private static ListedTask Ended(int number, string user = "alice") => new()
    {
        Key = new(number, Id(number)), UserId = user, TaskType = "python", State = TaskState.Failed, Reason = Causes.ProgramFailed,
        StartedAt = DateTimeOffset.UnixEpoch, EndedAt = DateTimeOffset.UnixEpoch.AddSeconds(1), NodeId = "node-1", Attempts = 2, CostMicros = 1_500_000,
    };

    public ValueTask InitializeAsync()
    {
        _gateway.Open.On("Page", _ => Task.FromResult<IReadOnlyList<OpenTask>>([]));
        _gateway.History.On("Page", a =>
        {
            _asked = (TaskFilter)a[0]!;
            var below = (TaskKey?)a[1];
            var items = Enumerable.Range(1, 9).Reverse().Select(i => Ended(i)).Where(task => below is not { } at || task.Key.IsBelow(at)).Take((int)a[2]!).ToList();
            return Task.FromResult(new TaskWindow(items, items.Count == (int)a[2]! ? items[^1].Key : null));
        });
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync() => _gateway.DisposeAsync();

    private AsyncUnaryCall<Wire.ListTasksResponse> List(Wire.ListTasksRequest request, bool asRoot = false) =>
        _gateway.Master.ListTasksAsync(request, TestGateway.With(asRoot ? _gateway.Root : _gateway.Alice));

    [Fact]
    public async Task List_ByPages_IsEverythingOnce()
    {
        var ids = new List<string>();
        var request = new Wire.ListTasksRequest { PageSize = 4 };
        do
        {
            var page = await List(request);
            ids.AddRange(page.Tasks.Select(task => task.TaskId));
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);

        Assert.Equal(Enumerable.Range(1, 9).Reverse().Select(Id), ids);
    }

    [Fact]
    public async Task List_ATask_HasItsFields()
    {
        var task = (await List(new() { PageSize = 1 })).Tasks[0];
        Assert.Equal(new Wire.TaskSummary
        {
            TaskId = Id(9), UserId = "alice", TaskType = "python", State = Wire.TaskState.Failed, Status = "failed", Reason = "PROGRAM_FAILED",
            CreatedAt = "1970-01-01T00:00:00.009Z", StartedAt = "1970-01-01T00:00:00.000Z", CompletedAt = "1970-01-01T00:00:01.000Z",
            AssignedNode = "node-1", Attempts = 2, CostCredits = 1.5,
        }, task);
    }

    [Fact]
    public async Task List_OfAnotherOrOfEverybody_IsForAdmins()
    {
        var another = await Refusal.Of(List(new() { UserId = "bob" }));
        var everybody = await Refusal.Of(List(new() { UserId = "*" }));
        Assert.Equal((StatusCode.PermissionDenied, "USER_MISMATCH"), (another.Code, another.Reason));
        Assert.Equal((StatusCode.PermissionDenied, "ADMIN_ONLY"), (everybody.Code, everybody.Reason));

        await List(new() { UserId = "bob" }, asRoot: true);
        Assert.Equal("bob", _asked!.UserId);
        await List(new() { UserId = "*" }, asRoot: true);
        Assert.Null(_asked!.UserId);
        await List(new());
        Assert.Equal("alice", _asked!.UserId);
    }

    [Fact]
    public async Task List_TokenOfAnotherFilterOrGarbage_NamesTheField()
    {
        var token = (await List(new() { PageSize = 1 })).NextPageToken;
        foreach (var request in new Wire.ListTasksRequest[]
        {
            new() { PageToken = token, TaskType = "python" }, new() { PageToken = token[..^1] + "!" }, new() { PageToken = "x" },
        })
        {
            var refusal = await Refusal.Of(List(request));
            Assert.Equal((StatusCode.InvalidArgument, "page_token"), (refusal.Code, refusal.Fields));
        }

        var root = await Refusal.Of(List(new() { PageToken = token }, asRoot: true)); // alice's token is not good for root's list
        Assert.Equal("page_token", root.Fields);
    }

    [Fact]
    public async Task List_BadFields_AreAllNamed()
    {
        var refusal = await Refusal.Of(List(new() { CreatedAfter = "now", PageSize = -1, States = { (Wire.TaskState)99 } }));
        Assert.Equal((StatusCode.InvalidArgument, "states created_after page_size"), (refusal.Code, refusal.Fields));
    }

    [Fact]
    public async Task List_OpenOnes_ShowWhatTheirGrainsSayAndAreNotAskedWhenTheyOnlyWait()
    {
        var at = DateTimeOffset.UnixEpoch.AddSeconds(5);
        OpenTask Place(int i) => new(new(5000 + i, Id(i)), new(Id(i), "alice", "python", TaskPriority.Normal, new(1, 1, 0), at, at));
        _gateway.Open.On("Page", a => Task.FromResult<IReadOnlyList<OpenTask>>(a[1] is null ? [Place(103), Place(102), Place(101), new(new(1, Id(100)), null)] : []));
        _gateway.AddTask(Id(103), "alice", TaskState.Running);
        _gateway.Grains.Add(Id(102), Stub<ITaskGrain>.New().On("GetSnapshot", _ => Task.FromResult<TaskSnapshot?>(null)).Object); // not born
        _gateway.Grains.Add(Shards.Default, Stub<ISchedulerGrain>.New()
            .On("Missing", a => Task.FromResult<IReadOnlyList<string>>([.. ((IReadOnlyList<string>)a[0]!).Where(id => id != Id(101))])).Object);

        var running = await List(new() { States = { Wire.TaskState.Running } }); // 101 waits: its grain does not even exist in this test

        Assert.Equal((Id(103), Wire.TaskState.Running, "running"), (running.Tasks[0].TaskId, running.Tasks[0].State, running.Tasks[0].Status));
        Assert.Single(running.Tasks);
        Assert.Equal("", running.NextPageToken);
    }
}

using System.Diagnostics;
using System.Globalization;
using Google.Protobuf;
using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>One task of the demo and the last that was heard of it.</summary>
internal sealed class DemoTask(string taskId)
{
    public string TaskId { get; } = taskId;
    public GetTaskStatusResponse Status { get; set; } = new();
    public bool HasEnded => TaskFollow.HasEnded(Status.State);
    /// <summary>It was seen running for the first time in the last look, so that most of its run is still to come.</summary>
    public bool HasJustStarted { get; set; }
}

/// <summary>The submitter's side: a task for each chunk, a worker killed halfway, a task that sums.</summary>
internal sealed class DemoWork(DemoPool pool, DemoView view)
{
    private static readonly TimeSpan Pace = TimeSpan.FromSeconds(1.2);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(200);

    private readonly MasterNodeService.MasterNodeServiceClient hub = pool.Submitter!.Client.Tasks;

    public List<DemoTask> Chunks { get; } = [];
    public DemoTask? Reduce { get; private set; }
    public DemoLender? Killed { get; private set; }
    /// <summary>What the reducing task printed; -1 without one.</summary>
    public long Words { get; private set; } = -1;

    public async Task Run(Corpus corpus, bool chaos, CancellationToken stop)
    {
        foreach (var chunk in corpus.Chunks)
        {
            Chunks.Add(await Submit(DemoPrograms.Count(chunk), [Pace.TotalSeconds.ToString(CultureInfo.InvariantCulture)], ByteString.Empty, stop));
        }

        await UntilEnded(Chunks, chaos, stop);
        if (Chunks.TrueForAll(task => task.Status.State == TaskState.Completed))
        {
            view.Phase("Every chunk is counted; one more task sums them up.");
            await Sum(stop);
        }
    }

    private async Task Sum(CancellationToken stop)
    {
        var printed = new List<string>();
        foreach (var task in Chunks)
        {
            printed.Add((await Result(task, stop)).ToStringUtf8().Trim());
        }

        Reduce = await Submit(DemoPrograms.Sum(), [], ByteString.CopyFromUtf8(string.Join('\n', printed)), stop);
        await UntilEnded([Reduce], chaos: false, stop);
        if (Reduce.Status.State == TaskState.Completed)
        {
            Words = DemoPrograms.WordsOf(await Result(Reduce, stop));
        }
    }

    private async Task<ByteString> Result(DemoTask task, CancellationToken stop) =>
        (await hub.GetTaskResultAsync(new GetTaskResultRequest { TaskId = task.TaskId }, cancellationToken: stop)).Result;

    private async Task<DemoTask> Submit(ByteString program, string[] arguments, ByteString input, CancellationToken stop)
    {
        var request = new SubmitTaskRequest
        {
            TaskType = "python", TaskData = program, Arguments = { arguments }, StandardInput = input,
            RequestId = Guid.NewGuid().ToString("N"),
            // Half a core each: two run side by side on every lender.
            Requirements = new TaskRequirements { CpuCores = 0.5, MemoryMb = 256, TimeoutSeconds = 120 },
        };
        return new DemoTask((await hub.SubmitTaskAsync(request, cancellationToken: stop)).TaskId);
    }

    private async Task UntilEnded(List<DemoTask> tasks, bool chaos, CancellationToken stop)
    {
        var waited = Stopwatch.StartNew();
        while (tasks.Exists(task => !task.HasEnded))
        {
            foreach (var task in tasks.Where(task => !task.HasEnded))
            {
                await LookAt(task, stop);
            }

            view.Show(pool, this);
            if (chaos && Killed is null && tasks.Count(task => task.HasEnded) >= tasks.Count / 2)
            {
                KillOne(tasks);
            }

            if (waited.Elapsed > Patience)
            {
                return;
            }

            await Task.Delay(Look, stop);
        }
    }

    private async Task LookAt(DemoTask task, CancellationToken stop)
    {
        var wasRunning = task.Status.State == TaskState.Running;
        task.Status = await hub.GetTaskStatusAsync(new GetTaskStatusRequest { TaskId = task.TaskId }, cancellationToken: stop);
        task.HasJustStarted = !wasRunning && task.Status.State == TaskState.Running;
    }

    // One that has finished something (it is to earn) and that runs something now (its tasks are to come back).
    private void KillOne(List<DemoTask> tasks)
    {
        var victim = pool.Lenders.FirstOrDefault(lender =>
            tasks.Exists(task => task.Status.AssignedNode == lender.NodeId && task.Status.State == TaskState.Completed)
            && tasks.Exists(task => task.Status.AssignedNode == lender.NodeId && task.HasJustStarted));
        if (victim is null)
        {
            return;
        }

        victim.Worker.KillNow();
        Killed = victim;
        view.Phase($"Halfway: the worker of {victim.Account.Name} (process {victim.Worker.Id}) was killed with -9. Its tasks come back.");
    }
}

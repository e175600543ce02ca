using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using HiveMind.Scheduling;

namespace HiveMind.Benchmarks;

/// <summary>
/// The steps of the scheduler's core one by one, by BenchmarkDotNet: with allocations, and in the very process (a build of its own would not know this
/// repository's settings). `scheduler` measures them together, in a pool that is at work.
/// </summary>
[MemoryDiagnoser]
public class CoreBenchmarks
{
    private CoreLoad _load = null!;
    private PendingTask _task = null!, _waits = null!;

    [Params(100, 10_000, 1_000_000)]
    public int Waiting { get; set; }

    public static int Run()
    {
        BenchmarkRunner.Run<CoreBenchmarks>(ManualConfig.Create(DefaultConfig.Instance)
            .AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance)).WithArtifactsPath(Path.Combine(Path.GetTempPath(), "hivemind-benchmarks")));
        return 0;
    }

    [GlobalSetup]
    public void Fill()
    {
        _load = new CoreLoad(1000, Waiting, new BalancedSpreadPolicy());
        (_task, _waits) = (_load.NewTask(), _load.NewTask() with { Resources = new(16_000, 60_000, 0), Labels = "" });
        _load.Core.Enqueue(_waits, _load.Now);
    }

    /// <summary>A submit and its cancel.</summary>
    [Benchmark]
    public void EnqueueAndRemove()
    {
        _load.Core.Enqueue(_task, _load.Now);
        _load.Core.Remove(_task.TaskId);
    }

    /// <summary>The next second's proposal of a full pool, which places nothing.</summary>
    [Benchmark]
    public int ProposeWithoutRoom() => _load.Core.Propose(_load.Now, 1024).Count;

    /// <summary>Why one task waits, with all that is known of it.</summary>
    [Benchmark]
    public WaitKind Explain() => _load.Core.ExplainWhole(_waits.TaskId, _load.Now).Kind;

    /// <summary>All that ran on a node has ended: as much is placed there anew, granted, and as many tasks are submitted.</summary>
    [Benchmark]
    public int NodeIsDone()
    {
        foreach (var view in _load.Finish(1)) _load.Core.NodeChanged(view, _load.Now);
        return _load.Settle();
    }
}

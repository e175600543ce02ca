using HiveMind.Workers.Machine;
using HiveMind.Workers.Runs;
using Microsoft.Extensions.Time.Testing;

namespace HiveMind.Tests.Workers;

/// <summary>The next run is started in advance while runs follow one another. It is a run like any other, and nothing of it stays where none comes.</summary>
public sealed class WarmStartTests : IDisposable
{
    private readonly RunnerBench _bench = new();
    private readonly FakeTimeProvider _clock = new();
    private readonly List<RunPlace> _places = [];

    public void Dispose() => _bench.Dispose();

    public static TheoryData<Isolation, bool> Ways => new(
        from isolation in Enum.GetValues<Isolation>() from groups in new[] { true, false } select (isolation, groups));

    [Theory, MemberData(nameof(Ways))]
    public async Task SecondRun_StartedInAdvance_HasItsOwnOfEverything(Isolation isolation, bool groups)
    {
        await using var runner = await Runner(isolation, groups, TimeProvider.System);
        var first = await Run(runner, await Place(runner), "print('first')");
        Assert.Equal(("", "first\n"), (first.Result.Reason, first.Output));

        var place = await Started(runner);
        Assert.Equal([_places[1].Root], [place.Root]);
        var second = await Run(runner, place, """
            import os, sys
            print(sys.argv[1], sys.stdin.read(), os.environ['OWN'], os.environ['HIVEMIND_TASK_ID'], os.environ['OMP_NUM_THREADS'], len(os.sched_getaffinity(0)))
            print(os.listdir('.'), os.listdir(os.environ['TMPDIR']), [fd for fd in os.listdir('/proc/self/fd') if int(fd) > 3])
            """, request => request with
        {
            TaskId = "second", Arguments = ["word"], StandardInput = "given"u8.ToArray(), Environment = new Dictionary<string, string> { ["OWN"] = "mine" },
        });
        Assert.Equal(("", "word given mine second 1 1\n['main.py'] [] []\n"), (second.Result.Reason, second.Output));
        Assert.InRange(second.Result.RunMs, 1, 30_000);
    }

    [Theory, MemberData(nameof(Ways))]
    public async Task SecondRun_StartedInAdvance_HasItsLimits(Isolation isolation, bool groups)
    {
        await using var runner = await Runner(isolation, groups, TimeProvider.System);
        await Run(runner, await Place(runner), "");
        var result = (await Run(runner, await Started(runner), "import time\na = bytearray(200 << 20)\ntime.sleep(30)", request => request with { MemoryMb = 64 })).Result;
        Assert.Equal(RunReasons.OutOfMemory, result.Reason);
        result = (await Run(runner, await Started(runner), "import time\ntime.sleep(30)", request => request with { Timeout = TimeSpan.FromMilliseconds(300), Grace = TimeSpan.Zero })).Result;
        Assert.Equal(RunReasons.RunTimeout, result.Reason);
        result = (await Run(runner, await Started(runner), "import os\nos.kill(os.getpid(), 9)")).Result;
        Assert.Equal((RunReasons.ProgramFailed, 9), (result.Reason, result.Signal));
    }

    [Theory, MemberData(nameof(Ways))]
    public async Task NoFurtherRun_NothingIsKept(Isolation isolation, bool groups)
    {
        await using var runner = await Runner(isolation, groups, _clock);
        await Run(runner, await Place(runner), "");
        await Until(() => _places.Count == 2 && Waiting(_places[1]).Count > 0);
        _clock.Advance(WarmStart.KeptFor);
        await Until(() => Waiting(_places[1]).Count == 0 && !Directory.Exists(_places[1].Root));
        Assert.Null(await runner.TakeWarm());
        // The next run brings the next one.
        await Run(runner, await Place(runner), "");
        Assert.NotNull(await Started(runner));
    }

    [Theory, MemberData(nameof(Ways))]
    public async Task TakenAndNotRun_GoesWithItsFolder(Isolation isolation, bool groups)
    {
        await using var runner = await Runner(isolation, groups, TimeProvider.System);
        await Run(runner, await Place(runner), "");
        var place = await Started(runner);
        await Until(() => Waiting(place).Count > 0);
        place.Remove();
        await Until(() => Waiting(place).Count == 0 && !Directory.Exists(place.Root));
    }

    [Theory, MemberData(nameof(Ways))]
    public async Task WorkerEnds_NothingIsLeft(Isolation isolation, bool groups)
    {
        var runner = await Runner(isolation, groups, TimeProvider.System);
        await Run(runner, await Place(runner), "");
        await Until(() => _places.Count == 2 && Waiting(_places[1]).Count > 0);
        await runner.DisposeAsync();
        Assert.Empty(Waiting(_places[1]));
        Assert.False(Directory.Exists(_places[1].Root));
        Assert.Null(await runner.TakeWarm());
    }

    [Theory, MemberData(nameof(Ways))]
    public async Task StoppedAfterItWasTaken_IsStartedAnew(Isolation isolation, bool groups)
    {
        await using var runner = await Runner(isolation, groups, TimeProvider.System);
        await Run(runner, await Place(runner), "");
        var place = await Started(runner);
        foreach (var one in Waiting(place)) ProcessTree.Kill(one);
        await Until(() => Waiting(place).Count == 0);
        var (result, output) = await Run(runner, place, "print('all the same')");
        Assert.Equal(("", "all the same\n"), (result.Reason, output));
    }

    [Theory, MemberData(nameof(Ways))]
    public async Task StoppedByOthers_IsNotTaken(Isolation isolation, bool groups)
    {
        await using var runner = await Runner(isolation, groups, TimeProvider.System);
        await Run(runner, await Place(runner), "");
        await Until(() => _places.Count == 2 && Waiting(_places[1]).Count > 0);
        foreach (var one in Waiting(_places[1])) ProcessTree.Kill(one);
        await Until(() => Waiting(_places[1]).Count == 0);
        Assert.Null(await runner.TakeWarm());
        Assert.Equal("", (await Run(runner, await Place(runner), "")).Result.Reason);
    }

    [Fact]
    public async Task CannotBeStarted_RunsAreStartedWhenTheyCome()
    {
        var (python, confinement) = await RunnerBench.Need(Isolation.Sandbox);
        var facts = await RunnerBench.Machine;
        await using var runner = new PythonRunner(python, confinement, facts.Groups, new CpuSlots(facts.Processors), TimeProvider.System, () => throw new IOException("full"));
        for (var run = 0; run < 3; run++)
            Assert.Equal("", (await Run(runner, await runner.TakeWarm() ?? _bench.NewPlace(), "")).Result.Reason);
    }

    private async Task<PythonRunner> Runner(Isolation isolation, bool groups, TimeProvider time)
    {
        var (python, confinement) = await RunnerBench.Need(isolation, groups);
        var facts = await RunnerBench.Machine;
        return new PythonRunner(python, confinement, groups ? facts.Groups : null, new CpuSlots(facts.Processors), time, NewPlace);
    }

    private RunPlace NewPlace()
    {
        var place = _bench.NewPlace();
        lock (_places) _places.Add(place);
        return place;
    }

    private async Task<RunPlace> Place(PythonRunner runner) => await runner.TakeWarm() ?? NewPlace();

    private static async Task<RunPlace> Started(PythonRunner runner)
    {
        var place = await runner.TakeWarm();
        Assert.NotNull(place);
        return place;
    }

    private static Task Until(Func<bool> condition) => HiveMind.Tests.Processes.Wait.Until(condition, TimeSpan.FromSeconds(20), () => "it did not come to that");

    /// <summary>Processes that were started with this run's status file, or below one that was.</summary>
    private static List<int> Waiting(RunPlace place) => [.. Directory.EnumerateDirectories("/proc").Where(folder => char.IsAsciiDigit(folder[6]))
        .Where(folder => MachineProbe.Text(folder + "/cmdline").Contains(place.Root, StringComparison.Ordinal) || Standing(folder) == place.Task)
        .Select(folder => int.Parse(folder[6..], System.Globalization.CultureInfo.InvariantCulture))];

    private static string? Standing(string folder)
    {
        try
        {
            return new FileInfo(folder + "/cwd").LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static async Task<(RunResult Result, string Output)> Run(PythonRunner runner, RunPlace place, string code, Func<RunRequest, RunRequest>? with = null)
    {
        await File.WriteAllTextAsync(place.Program, code, TestContext.Current.CancellationToken);
        var request = new RunRequest { TaskId = "first", Attempt = 1, Place = place, Timeout = TimeSpan.FromSeconds(60) };
        var result = await runner.Run(with is null ? request : with(request), () => { }, TestContext.Current.CancellationToken);
        var output = await File.ReadAllTextAsync(place.Stdout, TestContext.Current.CancellationToken);
        place.Remove();
        return (result, output);
    }
}

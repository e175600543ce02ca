using HiveMind.Workers.Runs;

namespace HiveMind.Tests.Workers;

/// <summary>How a program ended is told as the kernel tells it, and a program that is to end is asked first.</summary>
public sealed class RunEndsTests : IDisposable
{
    private const string Checkpoint = """
        import signal, sys, time
        def on(number, frame):
            print("got", signal.Signals(number).name, "saving", flush=True)
            time.sleep(0.3)
            open("/dev/stderr", "w").write("saved")
            sys.exit(75)
        signal.signal(signal.SIGTERM, on)
        print("working", flush=True)
        time.sleep(60)
        """;

    private readonly RunnerBench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Theory]
    [InlineData(Isolation.Sandbox)]
    [InlineData(Isolation.Namespace)]
    [InlineData(Isolation.Bare)]
    public async Task ExitCodes_AreNotTakenForSignals(Isolation isolation)
    {
        foreach (var code in new[] { 1, 126, 127, 128, 137, 139, 143, 255 })
        {
            var (result, _) = await _bench.Run(isolation, $"import os; os._exit({code})");
            Assert.Equal((code, 0, RunReasons.ProgramFailed, $"Ended with exit code {code}."), (result.ExitCode, result.Signal, result.Reason, result.Message));
        }
    }

    [Theory]
    [InlineData(Isolation.Sandbox, "signal.SIGKILL", 9, "SIGKILL")]
    [InlineData(Isolation.Sandbox, "signal.SIGTERM", 15, "SIGTERM")]
    [InlineData(Isolation.Sandbox, "signal.SIGSEGV", 11, "SIGSEGV")]
    [InlineData(Isolation.Namespace, "signal.SIGABRT", 6, "SIGABRT")]
    [InlineData(Isolation.Namespace, "signal.SIGHUP", 1, "SIGHUP")]
    [InlineData(Isolation.Bare, "signal.SIGTERM", 15, "SIGTERM")]
    [InlineData(Isolation.Bare, "signal.SIGKILL", 9, "SIGKILL")]
    public async Task Signals_AreNamed(Isolation isolation, string signal, int number, string name)
    {
        var (result, _) = await _bench.Run(isolation, $"import os, signal; os.kill(os.getpid(), {signal})");
        Assert.Equal((null, number, RunReasons.ProgramFailed, $"Ended by signal {number} ({name})."), (result.ExitCode, result.Signal, result.Reason, result.Message));
    }

    [Theory]
    [InlineData(Isolation.Sandbox, "SIGINT")]
    [InlineData(Isolation.Bare, "SIGINT")]
    [InlineData(Isolation.Bare, "SIGHUP")]
    [InlineData(Isolation.Bare, "SIGQUIT")]
    [InlineData(Isolation.Bare, "SIGUSR1")]
    [InlineData(Isolation.Namespace, "SIGTSTP")]
    [InlineData(Isolation.Bare, "SIGTSTP")]
    public async Task WholeGroupSignalled_ByTheProgramItself_EndsAsTheProgramDoes(Isolation isolation, string signal)
    {
        var (result, _) = await _bench.Run(isolation,
            $"import os, signal, sys\nif os.fork() == 0: os.execv('/bin/sleep', ['sleep', '30'])\nsignal.signal(signal.{signal}, signal.SIG_IGN)\nos.killpg(0, signal.{signal})\nsys.exit(4)");
        Assert.Equal((4, 0, RunReasons.ProgramFailed), (result.ExitCode, result.Signal, result.Reason));
    }

    [Theory]
    [InlineData(Isolation.Sandbox)]
    [InlineData(Isolation.Bare)]
    public async Task WholeGroupKilled_ByTheProgramItself_IsItsOwnEnd(Isolation isolation)
    {
        var (result, _) = await _bench.Run(isolation, "import os, signal; os.killpg(0, signal.SIGKILL)");
        Assert.Equal((null, 9, RunReasons.ProgramFailed), (result.ExitCode, result.Signal, result.Reason));
    }

    [Theory]
    [InlineData(Isolation.Sandbox)]
    [InlineData(Isolation.Namespace)]
    [InlineData(Isolation.Bare)]
    public async Task PastItsTime_IsAskedFirst_AndWhatItPrintsIsKept(Isolation isolation)
    {
        var (result, place) = await _bench.Run(isolation, Checkpoint, request => request with { Timeout = TimeSpan.FromSeconds(3) });
        Assert.Equal((75, RunReasons.RunTimeout), (result.ExitCode, result.Reason));
        Assert.Equal(("working\ngot SIGTERM saving\n", "saved"), (File.ReadAllText(place.Stdout), File.ReadAllText(place.Stderr)));
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(0.5)]
    public async Task PastItsTime_DoesNotListen_IsKilledAfterItsGrace(double grace)
    {
        var (result, place) = await _bench.Run(Isolation.Sandbox, """
            import signal, time
            signal.signal(signal.SIGTERM, lambda *_: print("no", flush=True))
            end = time.monotonic() + 30
            while time.monotonic() < end: time.sleep(1)
            """, request => request with { Timeout = TimeSpan.FromSeconds(3), Grace = TimeSpan.FromSeconds(grace) });
        Assert.Equal((null, RunReasons.RunTimeout), (result.ExitCode, result.Reason));
        Assert.Equal(grace > 0 ? "no\n" : "", File.ReadAllText(place.Stdout));
        Assert.InRange(result.RunMs, 2900, 3000 + 20_000);
    }

    [Theory]
    [InlineData(Isolation.Sandbox)]
    [InlineData(Isolation.Namespace)]
    public async Task Stopped_IsAskedFirst(Isolation isolation)
    {
        using var stop = new CancellationTokenSource();
        RunPlace? place = null;
        var running = _bench.Run(isolation, Checkpoint, request => { place = request.Place; return request with { Stop = stop.Token }; });
        await Fakes.Until(() => place is not null && File.Exists(place.Stdout) && File.ReadAllText(place.Stdout).EndsWith('\n'));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        Assert.Equal(("working\ngot SIGTERM saving\n", "saved"), (File.ReadAllText(place!.Stdout), File.ReadAllText(place.Stderr)));
    }

    [Theory]
    [InlineData("stdout", "print('x' * 1_000_000)")]
    [InlineData("stderr", "import sys; sys.stderr.write('x' * 1_000_000)")]
    public async Task OutputThatCannotBeKept_EndsItAtOnceAsTheMachinesFault(string stream, string code)
    {
        var (result, _) = await _bench.Run(Isolation.Sandbox, code + "\nimport time; time.sleep(60)", request =>
        {
            File.CreateSymbolicLink(Path.Combine(request.Place.Root, stream), "/dev/full");
            return request;
        });
        Assert.Equal(RunReasons.WorkerFault, result.Reason);
        Assert.Equal(MachineFault.DiskFull, result.Message);
        Assert.InRange(result.RunMs, 0, 20_000);
    }

    [Fact]
    public async Task ProgramCannotBeStarted_IsTheMachinesFault()
    {
        var (python, confinement) = await RunnerBench.Need(Isolation.Namespace);
        var place = _bench.NewPlace();
        var result = await new PythonRunner(python with { Path = "/usr/bin/nothing" }, confinement, null, new CpuSlots([0]), TimeProvider.System).Run(
            new RunRequest { TaskId = "task", Attempt = 1, Place = place }, () => { }, default);
        Assert.Equal((null, RunReasons.WorkerFault), (result.ExitCode, result.Reason));
        Assert.Contains("could not be started", result.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", false, null, 0)]
    [InlineData("started\n", true, null, 0)]
    [InlineData("started\nended 65280 1500 9000\n", true, 255, 0)]
    [InlineData("started\nended 9 0 0\n", true, null, 9)]
    [InlineData("started\nended 139 0 0\n", true, null, 11)] // with a core
    [InlineData("started\nended 0 0", true, null, 0)] // cut in the middle
    public void LaunchStatus_WhatTheLauncherSays_IsRead(string text, bool started, int? code, int signal)
    {
        var status = LaunchStatus.Parse(text);
        Assert.Equal((started, code, signal), (status.Started, status.ExitCode, status.Signal));
    }

    [Fact]
    public void LaunchOrders_NulInAnArgument_IsRefused() => Assert.Throws<InvalidOperationException>(
        () => new LaunchOrders { Command = ["a", "b\0c"], Variables = new Dictionary<string, string>() }.ToBytes());

    [Fact]
    public void CpuSlots_Neighbours_GetOthersWhileThereAre()
    {
        var slots = new CpuSlots([0, 1, 2, 3]);
        using var first = slots.Take(1);
        var second = slots.Take(2);
        using var third = slots.Take(0.5);
        Assert.Equal("0 1,2 3", $"{string.Join(',', first.Processors)} {string.Join(',', second.Processors)} {string.Join(',', third.Processors)}");
        second.Dispose();
        second.Dispose();
        using var fourth = slots.Take(1);
        Assert.Equal([1], fourth.Processors);
        using var all = slots.Take(100);
        Assert.Equal(4, all.Processors.Count);
    }

    [Theory]
    [InlineData("0-1\n", "0,1")]
    [InlineData("0,2-4", "0,2,3,4")]
    [InlineData("", null)]
    [InlineData("3-1", null)]
    [InlineData("x", null)]
    public void CpuSlots_ListOfTheKernel_IsRead(string text, string? expected) =>
        Assert.Equal(expected, CpuSlots.Parse(text) is { } found ? string.Join(',', found) : null);

    [Theory]
    [InlineData("25 30 0:22 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw", "0::/user.slice/a.scope", "/sys/fs/cgroup/user.slice/a.scope", null)]
    [InlineData("25 30 0:22 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw", "0::/", "/sys/fs/cgroup", null)]
    [InlineData("25 30 0:22 /docker/x /sys/fs/cgroup rw - cgroup2 cgroup2 rw", "0::/docker/x/y", "/sys/fs/cgroup/y", null)]
    [InlineData("1 2 0:3 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n1 2 0:3 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct", "4:memory:/a\n1:cpu,cpuacct:/", null, "/sys/fs/cgroup/memory/a")]
    [InlineData("", "", null, null)]
    public void CgroupMounts_AreFound(string mounts, string groups, string? version2, string? memory)
    {
        var found = CgroupMounts.Parse(mounts, groups);
        Assert.Equal((version2, memory), (found.Version2, found.Version1.GetValueOrDefault("memory")));
    }
}

using System.Diagnostics;
using System.Text;
using HiveMind.Workers.Machine;
using HiveMind.Workers.Runs;

namespace HiveMind.Tests.Workers;

/// <summary>Real programs, both isolated and not.</summary>
public sealed class PythonRunnerTests : IDisposable
{
    private readonly RunnerBench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Theory]
    [InlineData(Isolation.Sandbox)]
    [InlineData(Isolation.Namespace)]
    [InlineData(Isolation.Bare)]
    public async Task Run_ArgumentsInputEnvironment_ReachTheProgram(Isolation kind)
    {
        var (result, place) = await Run(kind, """
            import os, sys
            print(sys.argv[1:], sys.stdin.read(), os.environ["HIVEMIND_TASK_ID"], os.environ["HIVEMIND_ATTEMPT"], os.environ["EXTRA"])
            print("said", file=sys.stderr)
            open("file", "w").write("x")
            """, r => r with
        {
            Arguments = ["one", "two words"], StandardInput = "typed"u8.ToArray(),
            Environment = new Dictionary<string, string> { ["EXTRA"] = "more", ["HIVEMIND_ATTEMPT"] = "99" },
        });
        Assert.Equal((0, "", ""), (result.ExitCode, result.Reason, result.Message));
        Assert.Equal("['one', 'two words'] typed task 3 more\n", File.ReadAllText(place.Stdout));
        Assert.Equal("said\n", File.ReadAllText(place.Stderr));
    }

    [Theory]
    [InlineData(Isolation.Sandbox)]
    [InlineData(Isolation.Namespace)]
    public async Task Run_ProgramFails_ExitCodeAndLastErrorLine(Isolation kind)
    {
        var (result, _) = await Run(kind, "import sys\nprint('first', file=sys.stderr)\nraise ValueError('bad thing')");
        Assert.Equal((1, RunReasons.ProgramFailed, "ValueError: bad thing"), (result.ExitCode, result.Reason, result.Message));
    }

    [Theory]
    [InlineData(Isolation.Sandbox)]
    [InlineData(Isolation.Namespace)]
    [InlineData(Isolation.Bare)]
    public async Task Run_EndedBySignal_SignalAndNoExitCode(Isolation kind)
    {
        var (result, _) = await Run(kind, "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)");
        Assert.Equal((null, 9, RunReasons.ProgramFailed, "Ended by signal 9 (SIGKILL)."), (result.ExitCode, result.Signal, result.Reason, result.Message));
    }

    [Theory]
    [InlineData(Isolation.Sandbox)]
    [InlineData(Isolation.Namespace)]
    [InlineData(Isolation.Bare)]
    public async Task Run_PastItsTime_IsStoppedWithAllItStarted(Isolation kind)
    {
        var (result, _) = await Run(kind, Hiding(), r => r with { Timeout = TimeSpan.FromSeconds(1.5) });
        Assert.Equal(RunReasons.RunTimeout, result.Reason);
        Assert.InRange(result.RunMs, 1400, 10000);
        await NothingLeft();
    }

    [Theory]
    [InlineData(Isolation.Sandbox)]
    [InlineData(Isolation.Namespace)]
    [InlineData(Isolation.Bare)]
    public async Task Run_Killed_NothingRemains(Isolation kind)
    {
        using var kill = new CancellationTokenSource();
        var running = Run(kind, Hiding(), kill: kill.Token);
        await Fakes.Until(() => Marked().Count >= 3);
        await kill.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        Assert.Empty(Marked());
    }

    [Theory]
    [InlineData(Isolation.Namespace)]
    [InlineData(Isolation.Bare)]
    public async Task Run_EndsButLeavesABackgroundProcess_ItEndsToo(Isolation kind)
    {
        var (result, place) = await Run(kind, Hiding() + "\nos._exit(0)", waits: false);
        Assert.Equal((0, ""), (result.ExitCode, result.Reason));
        Assert.Equal("up\n", File.ReadAllText(place.Stdout));
        await NothingLeft();
    }

    [Theory]
    [InlineData(Isolation.Sandbox, "x = b'x' * (2 * 96 << 20)\nimport time; time.sleep(20)")]
    [InlineData(Isolation.Namespace, "x = b'x' * (2 * 96 << 20)\nimport time; time.sleep(20)")]
    [InlineData(Isolation.Sandbox, "x = bytearray(2 * 96 << 20)\nimport time; time.sleep(20)")]
    [InlineData(Isolation.Sandbox, "import os, time\nfor i in range(4):\n    if os.fork() == 0:\n        x = os.urandom(1 << 20) * 48\n        break\ntime.sleep(20)")]
    public async Task Run_TwiceItsMemory_OutOfMemoryAndTheNeighbourGoesOn(Isolation kind, string code)
    {
        var neighbour = Run(kind, "import time\nx = b'x' * (40 << 20)\ntime.sleep(1.5)\nprint(len(x))", r => r with { MemoryMb = 96 });
        var (result, _) = await Run(kind, code, r => r with { MemoryMb = 96 });
        Assert.Equal(RunReasons.OutOfMemory, result.Reason);
        var (other, place) = await neighbour;
        Assert.Equal((0, "", $"{40 << 20}\n"), (other.ExitCode, other.Reason, File.ReadAllText(place.Stdout)));
    }

    [Fact]
    public async Task Run_WithinItsMemory_IsLeftAlone()
    {
        var (result, _) = await Run(Isolation.Namespace, "import time\nx = b'x' * (70 << 20)\ntime.sleep(0.3)", r => r with { MemoryMb = 96 });
        Assert.Equal((0, ""), (result.ExitCode, result.Reason));
        Assert.InRange(result.MemoryPeakMb, 70, 96);
    }

    [Theory]
    [InlineData(Isolation.Sandbox)]
    [InlineData(Isolation.Namespace)]
    [InlineData(Isolation.Bare)]
    public async Task Run_ItAndItsChildrenWork_TheirProcessorTimeIsMeasured(Isolation kind)
    {
        var (result, _) = await Run(kind, """
            import os, time
            def work(seconds):
                end = time.process_time() + seconds
                while time.process_time() < end: pass
            if os.fork() == 0:
                work(0.4)
                os._exit(0)
            os.wait()
            work(0.4)
            time.sleep(0.3)
            """);
        Assert.Equal((0, ""), (result.ExitCode, result.Reason));
        Assert.InRange(result.CpuMs, 750, 5000);
    }

    [Fact]
    public async Task Run_TooMuchOutput_IsStoppedAndTheHeadKept()
    {
        var (result, place) = await Run(
            Isolation.Namespace, "while True: print('0123456789abcde')", r => r with { MaxOutputBytes = 1 << 20 });
        Assert.Equal(RunReasons.OutputTooLarge, result.Reason);
        Assert.Equal(1 << 20, new FileInfo(place.Stdout).Length);
        Assert.StartsWith("0123456789abcde\n", File.ReadAllText(place.Stdout), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Isolation.Sandbox, "open('/tmp/a', 'wb').write(bytes(3 << 20)); open('b', 'wb').write(bytes(3 << 20))")]
    [InlineData(Isolation.Namespace, "open('a', 'wb').write(bytes(3 << 20)); open('b', 'wb').write(bytes(3 << 20))")]
    [InlineData(Isolation.Sandbox, "[open(str(i), 'w').write('x') for i in range(1500)]")]
    [InlineData(Isolation.Sandbox, "import tempfile\nkept = [tempfile.TemporaryFile() for _ in range(2)]\nfor f in kept: f.write(bytes(3 << 20)); f.flush()")]
    [InlineData(Isolation.Namespace, "import tempfile\nkept = [tempfile.TemporaryFile() for _ in range(2)]\nfor f in kept: f.write(bytes(3 << 20)); f.flush()")]
    public async Task Run_AboveItsDisk_IsStopped(Isolation kind, string code)
    {
        using var claim = new DiskShare(1000).Claim(5);
        var (result, _) = await Run(kind, code + "\nimport time; time.sleep(60)", r => r with { Disk = claim });
        Assert.Equal((RunReasons.OutOfDisk, "Stopped above its 5 MB of disk."), (result.Reason, result.Message));
    }

    [Fact]
    public async Task Run_OneFileAboveItsDisk_TheProgramIsRefusedIt()
    {
        using var claim = new DiskShare(1000).Claim(5);
        var (result, _) = await Run(Isolation.Sandbox, "with open('a', 'wb', 0) as f:\n    for _ in range(6): f.write(bytes(1 << 20))", r => r with { Disk = claim });
        // Which of the two limits sees it first is not ours to say.
        Assert.Equal(RunReasons.OutOfDisk, result.Reason);
        Assert.Contains("its 5 MB of disk", result.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_WithinItsDisk_IsLeftAlone()
    {
        using var claim = new DiskShare(1000).Claim(5);
        var (result, _) = await Run(Isolation.Sandbox, "open('a', 'wb').write(bytes(4 << 20)); open('/tmp/b', 'w').write('x')\nimport time; time.sleep(0.5)", r => r with { Disk = claim });
        Assert.Equal((0, "", ""), (result.ExitCode, result.Reason, result.Message));
    }

    [Theory]
    [InlineData("GPU-1,GPU-2")]
    [InlineData("")]
    public async Task Run_Gpus_ItSeesItsOwnOnly(string ids)
    {
        var (_, place) = await Run(Isolation.Namespace, "import os\nprint(os.environ['CUDA_VISIBLE_DEVICES'])", r => r with
        {
            Gpus = ids.Split(',', StringSplitOptions.RemoveEmptyEntries), Environment = new Dictionary<string, string> { ["CUDA_VISIBLE_DEVICES"] = "0,1,2" },
        });
        Assert.Equal($"{ids}\n", File.ReadAllText(place.Stdout));
    }

    [Fact]
    public async Task Run_Sandboxed_NoNetworkNoHomesNoEnvironmentNoOthers()
    {
        var secret = Path.Combine(_bench.Root, "secret");
        await File.WriteAllTextAsync(secret, "secret");
        var (result, place) = await Run(Isolation.Sandbox, $$"""
            import os, socket
            def no(what):
                try: what()
                except OSError: return True
                return False
            print(no(lambda: socket.create_connection(("127.0.0.1", {{Fakes.OpenPort()}}), 1)))
            print(no(lambda: open("{{secret}}")), no(lambda: os.listdir("/root")), no(lambda: os.listdir("/home")))
            print(no(lambda: open("/usr/x", "w")), no(lambda: open("/x", "w")), no(lambda: open("/etc/shadow")))
            print([n for n in os.environ if n in ("DOTNET_ROOT", "SECRET_OF_WORKER")], os.environ["HOME"])
            print(sorted(int(p) for p in os.listdir("/proc") if p.isdigit())[-1] < 10, socket.gethostname())
            open("/tmp/x", "w").write("x"); open("/dev/shm/x", "w").write("x"); open("/task/x", "w").write("x")
            """);
        Assert.Equal((0, ""), (result.ExitCode, result.Message));
        Assert.Equal("True\nTrue True True\nTrue True True\n[] /task\nTrue hivemind-task\n", File.ReadAllText(place.Stdout));
    }

    [Fact]
    public async Task Run_Bare_TheWorkersEnvironmentIsHidden()
    {
        Environment.SetEnvironmentVariable("SECRET_OF_WORKER", "secret");
        var (_, place) = await Run(Isolation.Namespace, "import os\nprint(os.environ.get('SECRET_OF_WORKER'), os.environ['HOME'] == os.getcwd())");
        Assert.Equal("None True\n", File.ReadAllText(place.Stdout));
    }

    [Theory]
    [InlineData(Isolation.Sandbox)]
    [InlineData(Isolation.Namespace)]
    public async Task GuardedCommand_WorkerKilledWithMinusNine_TakesTheWholeTreeWithIt(Isolation kind)
    {
        var (python, confinement) = await RunnerBench.Need(kind);
        Assert.SkipUnless(confinement.OwnsWholeTree, "Neither bubblewrap nor process namespaces work here.");
        var place = _bench.NewPlace();
        await File.WriteAllTextAsync(place.Program, Hiding());
        // A shell stands for the worker: it starts the command as its child and knows its own process id.
        var command = confinement.GuardedCommand(
            987654321, python.Path, place, [], []);
        await File.WriteAllTextAsync(place.Processors, "0\n");
        var orders = Path.Combine(_bench.Root, "orders");
        await File.WriteAllBytesAsync(orders, new LaunchOrders
        {
            Command = [python.Path, Path.Combine(confinement.InsideDirectory(place), "main.py"), Marker], Variables = new Dictionary<string, string> { ["PATH"] = "/usr/bin:/bin" },
        }.ToBytes());
        var script = string.Join(' ', command.Select(word => word == "987654321" ? "$$" : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'"));
        using var worker = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", script + $" <'{orders}'; exit 0"]) { RedirectStandardOutput = true })!;
        await Fakes.Until(() => Marked().Count >= 3);
        worker.Kill();
        await NothingLeft();
    }

    [Fact]
    public async Task GuardedCommand_WorkerGoneBeforeItStarted_DoesNotRun()
    {
        var (_, confinement) = await RunnerBench.Need(Isolation.Namespace);
        var place = _bench.NewPlace();
        var command = confinement.GuardedCommand(1, "/bin/echo", place, [], []);
        var answer = await Programs.Run(command[0], command.Skip(1), TimeSpan.FromSeconds(10), default);
        Assert.Equal((125, ""), answer);
    }

    private string Marker => "mark-" + Path.GetFileName(_bench.Root);

    /// <summary>A program with a child, and a grandchild that left group and session behind; the mark is in their arguments.</summary>
    private static string Hiding() => """
        import os, sys, subprocess
        code = "import time; time.sleep(600)"
        subprocess.Popen([sys.executable, "-c", code, sys.argv[1]])
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.execv(sys.executable, [sys.executable, "-c", code, sys.argv[1]])
            os._exit(0)
        print("up", flush=True)
        import time
        if len(sys.argv) < 3: time.sleep(600)
        """;

    private Task<(RunResult Result, RunPlace Place)> Run(
        Isolation kind, string code, Func<RunRequest, RunRequest>? with = null, bool waits = true, CancellationToken kill = default) =>
        _bench.Run(kind, code, request => (with ?? (same => same))(request with { Arguments = waits ? [Marker] : [Marker, "go"] }), kill: kill);

    private List<string> Marked() => [.. Directory.EnumerateDirectories("/proc").Where(d => char.IsAsciiDigit(d[6]))
        .Where(d => MachineProbe.Text(d + "/cmdline").Split('\0') is var words && words.Contains(Marker) && words[0].Contains("python", StringComparison.Ordinal))];

    private Task NothingLeft() => Fakes.Until(() => Marked().Count == 0);
}

using System.Diagnostics;
using System.Text;
using HiveMind.Workers.Machine;
using HiveMind.Workers.Runs;

namespace HiveMind.Tests.Workers;

/// <summary>Real programs, both isolated and not.</summary>
public sealed class PythonRunnerTests : IDisposable
{
    private static readonly Lazy<Task<PythonFound?>> Python = new(async () =>
        (await MachineProbe.Measure(Fakes.Options(new Uri("http://127.0.0.1:1")), default)).Python);
    private static readonly Lazy<Task<Confinement>> Isolated = new(async () => await ConfinementProbe.Find(await Python.Value, false, default));
    private static readonly Lazy<Task<Confinement>> Bare = new(async () => await ConfinementProbe.Find(await Python.Value, true, default));

    private readonly string _root = Directory.CreateTempSubdirectory("hivemind-test-").FullName;
    private int _runs;

    public void Dispose() => RunPlace.Remove(_root);

    public enum Kind
    {
        Sandbox,
        Bare,
        /// <summary>Not even process namespaces.</summary>
        Naked,
    }

    [Theory]
    [InlineData(Kind.Sandbox)]
    [InlineData(Kind.Bare)]
    [InlineData(Kind.Naked)]
    public async Task Run_ArgumentsInputEnvironment_ReachTheProgram(Kind kind)
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
    [InlineData(Kind.Sandbox)]
    [InlineData(Kind.Bare)]
    public async Task Run_ProgramFails_ExitCodeAndLastErrorLine(Kind kind)
    {
        var (result, _) = await Run(kind, "import sys\nprint('first', file=sys.stderr)\nraise ValueError('bad thing')");
        Assert.Equal((1, RunReasons.ProgramFailed, "ValueError: bad thing"), (result.ExitCode, result.Reason, result.Message));
    }

    [Theory]
    [InlineData(Kind.Sandbox)]
    [InlineData(Kind.Bare)]
    [InlineData(Kind.Naked)]
    public async Task Run_EndedBySignal_ExitCode128AndSignal(Kind kind)
    {
        var (result, _) = await Run(kind, "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)");
        Assert.Equal((137, RunReasons.ProgramFailed), (result.ExitCode, result.Reason));
    }

    [Theory]
    [InlineData(Kind.Sandbox)]
    [InlineData(Kind.Bare)]
    [InlineData(Kind.Naked)]
    public async Task Run_PastItsTime_IsStoppedWithAllItStarted(Kind kind)
    {
        var (result, _) = await Run(kind, Hiding(), r => r with { Timeout = TimeSpan.FromSeconds(1.5) });
        Assert.Equal(RunReasons.RunTimeout, result.Reason);
        Assert.InRange(result.RunMs, 1400, 10000);
        await NothingLeft();
    }

    [Theory]
    [InlineData(Kind.Sandbox)]
    [InlineData(Kind.Bare)]
    [InlineData(Kind.Naked)]
    public async Task Run_Killed_NothingRemains(Kind kind)
    {
        using var kill = new CancellationTokenSource();
        var running = Run(kind, Hiding(), kill: kill.Token);
        await Fakes.Until(() => Marked().Count >= 3);
        await kill.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        Assert.Empty(Marked());
    }

    [Theory]
    [InlineData(Kind.Bare)]
    [InlineData(Kind.Naked)]
    public async Task Run_EndsButLeavesABackgroundProcess_ItEndsToo(Kind kind)
    {
        var (result, place) = await Run(kind, Hiding() + "\nos._exit(0)", waits: false);
        Assert.Equal((0, ""), (result.ExitCode, result.Reason));
        Assert.Equal("up\n", File.ReadAllText(place.Stdout));
        await NothingLeft();
    }

    [Theory]
    [InlineData(Kind.Sandbox, "x = b'x' * (2 * 96 << 20)\nimport time; time.sleep(20)")]
    [InlineData(Kind.Bare, "x = b'x' * (2 * 96 << 20)\nimport time; time.sleep(20)")]
    [InlineData(Kind.Sandbox, "x = bytearray(2 * 96 << 20)\nimport time; time.sleep(20)")]
    [InlineData(Kind.Sandbox, "import os, time\nfor i in range(4):\n    if os.fork() == 0:\n        x = os.urandom(1 << 20) * 48\n        break\ntime.sleep(20)")]
    public async Task Run_TwiceItsMemory_OutOfMemoryAndTheNeighbourGoesOn(Kind kind, string code)
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
        var (result, _) = await Run(Kind.Bare, "import time\nx = b'x' * (70 << 20)\ntime.sleep(0.3)", r => r with { MemoryMb = 96 });
        Assert.Equal((0, ""), (result.ExitCode, result.Reason));
        Assert.InRange(result.MemoryPeakMb, 70, 96);
    }

    [Theory]
    [InlineData(Kind.Sandbox)]
    [InlineData(Kind.Bare)]
    [InlineData(Kind.Naked)]
    public async Task Run_ItAndItsChildrenWork_TheirProcessorTimeIsMeasured(Kind kind)
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
            Kind.Bare, "while True: print('0123456789abcde')", r => r with { MaxOutputBytes = 1 << 20 });
        Assert.Equal(RunReasons.OutputTooLarge, result.Reason);
        Assert.Equal(1 << 20, new FileInfo(place.Stdout).Length);
        Assert.StartsWith("0123456789abcde\n", File.ReadAllText(place.Stdout), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Kind.Sandbox, "open('/tmp/a', 'wb').write(bytes(3 << 20)); open('b', 'wb').write(bytes(3 << 20))")]
    [InlineData(Kind.Bare, "open('a', 'wb').write(bytes(3 << 20)); open('b', 'wb').write(bytes(3 << 20))")]
    [InlineData(Kind.Sandbox, "[open(str(i), 'w').write('x') for i in range(1500)]")]
    [InlineData(Kind.Sandbox, "import tempfile\nkept = [tempfile.TemporaryFile() for _ in range(2)]\nfor f in kept: f.write(bytes(3 << 20)); f.flush()")]
    [InlineData(Kind.Bare, "import tempfile\nkept = [tempfile.TemporaryFile() for _ in range(2)]\nfor f in kept: f.write(bytes(3 << 20)); f.flush()")]
    public async Task Run_AboveItsDisk_IsStopped(Kind kind, string code)
    {
        using var claim = new DiskShare(1000).Claim(5);
        var (result, _) = await Run(kind, code + "\nimport time; time.sleep(60)", r => r with { Disk = claim });
        Assert.Equal((RunReasons.OutOfDisk, "Stopped above its 5 MB of disk."), (result.Reason, result.Message));
    }

    [Fact]
    public async Task Run_OneFileAboveItsDisk_TheProgramIsRefusedIt()
    {
        using var claim = new DiskShare(1000).Claim(5);
        var (result, _) = await Run(Kind.Sandbox, "with open('a', 'wb', 0) as f:\n    for _ in range(6): f.write(bytes(1 << 20))", r => r with { Disk = claim });
        // Which of the two limits sees it first is not ours to say.
        Assert.Equal(RunReasons.OutOfDisk, result.Reason);
        Assert.Contains("its 5 MB of disk", result.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_WithinItsDisk_IsLeftAlone()
    {
        using var claim = new DiskShare(1000).Claim(5);
        var (result, _) = await Run(Kind.Sandbox, "open('a', 'wb').write(bytes(4 << 20)); open('/tmp/b', 'w').write('x')\nimport time; time.sleep(0.5)", r => r with { Disk = claim });
        Assert.Equal((0, "", ""), (result.ExitCode, result.Reason, result.Message));
    }

    [Theory]
    [InlineData("GPU-1,GPU-2")]
    [InlineData("")]
    public async Task Run_Gpus_ItSeesItsOwnOnly(string ids)
    {
        var (_, place) = await Run(Kind.Bare, "import os\nprint(os.environ['CUDA_VISIBLE_DEVICES'])", r => r with
        {
            Gpus = ids.Split(',', StringSplitOptions.RemoveEmptyEntries), Environment = new Dictionary<string, string> { ["CUDA_VISIBLE_DEVICES"] = "0,1,2" },
        });
        Assert.Equal($"{ids}\n", File.ReadAllText(place.Stdout));
    }

    [Fact]
    public async Task Run_Sandboxed_NoNetworkNoHomesNoEnvironmentNoOthers()
    {
        var secret = Path.Combine(_root, "secret");
        await File.WriteAllTextAsync(secret, "secret");
        var (result, place) = await Run(Kind.Sandbox, $$"""
            import os, socket
            def no(what):
                try: what()
                except OSError: return True
                return False
            print(no(lambda: socket.create_connection(("127.0.0.1", {{Fakes.OpenPort()}}), 1)))
            print(no(lambda: open("{{secret}}")), no(lambda: os.listdir(os.path.expanduser("~root"))), no(lambda: os.listdir("/home")))
            print(no(lambda: open("/usr/x", "w")), no(lambda: open("/x", "w")), no(lambda: open("/etc/passwd")))
            print([n for n in os.environ if n in ("USER", "DOTNET_ROOT", "SECRET_OF_WORKER")], os.environ["HOME"])
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
        var (_, place) = await Run(Kind.Bare, "import os\nprint(os.environ.get('SECRET_OF_WORKER'), os.environ['HOME'] == os.getcwd())");
        Assert.Equal("None True\n", File.ReadAllText(place.Stdout));
    }

    [Theory]
    [InlineData(Kind.Sandbox)]
    [InlineData(Kind.Bare)]
    public async Task GuardedCommand_WorkerKilledWithMinusNine_TakesTheWholeTreeWithIt(Kind kind)
    {
        var (python, confinement) = await Need(kind);
        Assert.SkipUnless(confinement.OwnsWholeTree, "Neither bubblewrap nor process namespaces work here.");
        var place = RunPlace.Create(Path.Combine(_root, "run-kill"));
        await File.WriteAllTextAsync(place.Program, Hiding());
        // A shell stands for the worker: it starts the command as its child and knows its own process id.
        var command = confinement.GuardedCommand(
            987654321, new RunLimits(MemoryLimit.AddressSpaceKb(256), "unlimited"), place, new Dictionary<string, string> { ["PATH"] = "/usr/bin:/bin" }, false,
            [python.Path, Path.Combine(confinement.InsideDirectory(place), "main.py"), Marker]);
        var script = string.Join(' ', command.Select(word => word == "987654321" ? "$$" : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'"));
        using var worker = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", script + "; exit 0"]) { RedirectStandardOutput = true })!;
        await Fakes.Until(() => Marked().Count >= 3);
        worker.Kill();
        await NothingLeft();
    }

    [Fact]
    public async Task GuardedCommand_WorkerGoneBeforeItStarted_DoesNotRun()
    {
        var (_, confinement) = await Need(Kind.Bare);
        var place = RunPlace.Create(Path.Combine(_root, "run-guard"));
        var command = confinement.GuardedCommand(1, new RunLimits(1 << 20, "unlimited"), place, new Dictionary<string, string>(), false, ["/bin/sh", "-c", "echo ran"]);
        var answer = await Programs.Run(command[0], command.Skip(1), TimeSpan.FromSeconds(10), default);
        Assert.Equal((125, ""), answer);
    }

    private string Marker => "mark-" + Path.GetFileName(_root);

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

    private async Task<(RunResult Result, RunPlace Place)> Run(
        Kind kind, string code, Func<RunRequest, RunRequest>? with = null, bool waits = true, CancellationToken kill = default)
    {
        var (python, confinement) = await Need(kind);
        var place = RunPlace.Create(Path.Combine(_root, $"run-{Interlocked.Increment(ref _runs)}"));
        await File.WriteAllTextAsync(place.Program, code, Encoding.UTF8, CancellationToken.None);
        string[] arguments = waits ? [Marker] : [Marker, "go"];
        var request = new RunRequest
        {
            TaskId = "task", Attempt = 3, Place = place, Arguments = arguments, Timeout = TimeSpan.FromSeconds(30),
        };
        var began = 0;
        var result = await new PythonRunner(python, confinement, TimeProvider.System)
            .Run(with is null ? request : with(request), () => began++, kill);
        Assert.Equal(1, began);
        return (result, place);
    }

    private static async Task<(PythonFound Python, Confinement Confinement)> Need(Kind kind)
    {
        var python = await Python.Value;
        Assert.SkipWhen(python is null, "python3 is not installed.");
        var confinement = kind == Kind.Sandbox ? await Isolated.Value : await Bare.Value;
        Assert.SkipUnless(confinement.DiesWithWorker, "setpriv and setsid (util-linux) are not installed.");
        Assert.SkipUnless(kind != Kind.Sandbox || confinement.Isolates, confinement.Note ?? "");
        return (python!, kind == Kind.Naked ? confinement with { Unshare = [] } : confinement);
    }

    private List<string> Marked() => [.. Directory.EnumerateDirectories("/proc").Where(d => char.IsAsciiDigit(d[6]))
        .Where(d => MachineProbe.Text(d + "/cmdline").Split('\0') is var words && words.Contains(Marker) && words[0].Contains("python", StringComparison.Ordinal))];

    private Task NothingLeft() => Fakes.Until(() => Marked().Count == 0);
}

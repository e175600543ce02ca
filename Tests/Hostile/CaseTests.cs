using HiveMind.Protos;
using HiveMind.Tests.Processes;

namespace HiveMind.Tests.Hostile;

/// <summary>
/// Small programs that other systems lost or shot, by public reports, each on a machine of each kind: with a sandbox and without, lent by root and by an
/// ordinary user. All are sent at once.
/// </summary>
public sealed class CaseTests(CaseTests.Machines machines) : IClassFixture<CaseTests.Machines>
{
    private const string Deep = """
        import os
        for i in range(60):
            os.mkdir('d' * 200); os.chdir('d' * 200)
        open('deep', 'wb').write(b'z' * 5000000)
        """;

    private const string ForkedChildren = """
        import os, time
        x = bytearray(150 << 20)
        for k in range(0, len(x), 4096): x[k] = 1
        def leaf():
            p = os.fork()
            if p == 0:
                time.sleep(1); os._exit(0)
            return p
        for p in [leaf() for _ in range(6)]: os.waitpid(p, 0)
        print('ok')
        """;

    private const string PoolOverAGlobal = """
        import multiprocessing as m
        data = bytearray(150 << 20)
        for k in range(0, len(data), 4096): data[k] = 1
        def part(i): return sum(data[i << 20:(i << 20) + 1000])
        if __name__ == '__main__':
            with m.get_context('fork').Pool(4) as p: print(sum(p.map(part, range(100))))
        """;

    private const string Names = """
        import getpass, grp, os, pwd, socket, threading, urllib.request, http.server
        assert socket.gethostbyname('localhost') == '127.0.0.1'
        assert socket.getaddrinfo('localhost', 80)
        s = socket.create_server(('localhost', 0)); c = socket.create_connection(s.getsockname()); a, _ = s.accept(); c.send(b'x'); assert a.recv(1) == b'x'
        h = http.server.HTTPServer(('localhost', 0), http.server.SimpleHTTPRequestHandler); threading.Thread(target=h.handle_request, daemon=True).start()
        assert urllib.request.urlopen('http://localhost:%d/' % h.server_port, timeout=20).status == 200
        assert getpass.getuser() and pwd.getpwuid(os.getuid()).pw_name and grp.getgrgid(os.getgid()).gr_name
        assert all(os.environ[name] for name in ('USER', 'LOGNAME', 'HOME', 'SHELL', 'TMPDIR'))
        if os.environ['HOME'] == '/task': # the sandbox's own
            assert socket.gethostbyname(socket.gethostname()).startswith('127.')
            assert socket.getservbyname('https') == 443 and socket.getprotobyname('tcp') == 6
            assert 'NAME=' in open('/etc/os-release').read()
        print('ok')
        """;

    private const string Multiprocessing = """
        import multiprocessing as m, concurrent.futures as f, os, tempfile
        from multiprocessing import shared_memory
        def square(x): return x * x
        if __name__ == '__main__':
            for way in ('fork', 'forkserver'):
                with m.get_context(way).Pool(2) as p: assert p.map(square, range(4)) == [0, 1, 4, 9]
            with f.ProcessPoolExecutor(2) as e: assert list(e.map(square, range(4))) == [0, 1, 4, 9]
            with m.Manager() as manager: assert manager.dict(a=1)['a'] == 1
            m.Semaphore(2)
            s = shared_memory.SharedMemory(create=True, size=1 << 20); s.buf[0] = 1; s.close(); s.unlink()
            with tempfile.NamedTemporaryFile() as t: assert len(t.name) < 100
            print('ok')
        """;

    private const string AddressSpace = """
        import mmap, time
        from concurrent.futures import ThreadPoolExecutor
        f = open('big', 'wb'); f.truncate(4 << 30); f.close(); f = open('big', 'r+b')
        assert len(mmap.mmap(f.fileno(), 0)) == 4 << 30
        with ThreadPoolExecutor(64) as e: print(sum(e.map(lambda i: (time.sleep(0.2), i)[1], range(64))))
        """;

    private const string Checkpoint = """
        import signal, sys, time
        def on(s, f): print('got', signal.Signals(s).name, 'saving checkpoint', flush=True); sys.exit(75)
        signal.signal(signal.SIGTERM, on)
        print('working', flush=True); time.sleep(60)
        """;

    private const string Processors = """
        import multiprocessing, os, subprocess
        # Without a sandbox os.cpu_count() of a Python before 3.13 is the machine's: it reads a file of the system.
        print(multiprocessing.cpu_count() == os.cpu_count() == 1 or os.environ['HOME'] != '/task', len(os.sched_getaffinity(0)), int(subprocess.check_output(['nproc'])), os.environ['OMP_NUM_THREADS'])
        """;

    /// <summary>Its program, how it must end (cause, exit code), and what it must have printed. The time is for a loaded machine.</summary>
    private sealed record Case(string Program, string Printed = "ok\n", string Cause = "COMPLETED", int ExitCode = 0, int Seconds = 90);

    private static readonly Dictionary<string, Case> Cases = new()
    {
        ["deep tree"] = new(Deep, ""),
        ["forked children that share pages"] = new(ForkedChildren),
        ["a pool over a global"] = new(PoolOverAGlobal, "100\n"),
        ["names and users"] = new(Names),
        ["multiprocessing"] = new(Multiprocessing),
        ["address space"] = new(AddressSpace, "2016\n"),
        ["exit code 255"] = new("import sys\nsys.exit(-1)", "", "PROGRAM_FAILED", 255),
        ["exit code 137"] = new("import sys\nsys.exit(137)", "", "PROGRAM_FAILED", 137),
        ["SIGTERM and a grace"] = new(Checkpoint, "working\ngot SIGTERM saving checkpoint\n", "RUN_TIMEOUT", Seconds: 8),
        ["processors"] = new(Processors, "True 1 1 1\n"),
        ["escape sequences in an error"] = new("import sys\nsys.stderr.write('x\\x1b[2J\\x1b]0;title\\x07\\x1b[31mred\\n'); sys.exit(1)", "", "PROGRAM_FAILED", 1),
    };

    public static TheoryData<string, string> Everywhere
    {
        get
        {
            var all = new TheoryData<string, string>();
            foreach (var machine in Machines.Kinds.Keys)
                foreach (var name in Cases.Keys) all.Add(name, machine);
            return all;
        }
    }

    [Theory, MemberData(nameof(Everywhere))]
    public async Task Program_OnAMachineOfThisKind_EndsAsItShould(string name, string kind)
    {
        var expected = Cases[name];
        var task = await machines.Sent(name, kind);
        var ended = await machines.Hub.Ended(task, 150);
        var attempt = Assert.Single(ended.Attempts);
        Assert.True(attempt.Cause == expected.Cause, $"{attempt.Cause}: {ended.ErrorMessage}\n{machines.Output(kind)}");
        Assert.Equal((expected.ExitCode, 0, expected.Printed), (ended.ExitCode, ended.TermSignal, await machines.Hub.Printed(task)));
    }

    [Theory]
    [InlineData("sandbox, root")]
    [InlineData("sandbox, ordinary user")]
    [InlineData("no sandbox, root")]
    [InlineData("no sandbox, ordinary user")]
    public async Task AfterThemAll_NothingIsLeftAndNoSlotIsLost(string kind)
    {
        foreach (var name in Cases.Keys) await machines.Hub.Ended(await machines.Sent(name, kind), 150);
        var machine = await machines.Machine(kind);
        await machine.NothingIsLeft(alive: true);
        await machines.Hub.HasAllItsRoom(machine);
    }

    [Fact]
    public async Task OutputThatFillsTheMachinesDisk_EndsAtOnceUnpaid_AndCompletesElsewhere()
    {
        var (pool, hub) = (machines.Hub.Pool, machines.Hub);
        using var small = await LentMachine.Register(pool, hub.Lender, "small", Lending.Sandbox, null, "--label", "disk=test");
        using var disk = SmallDisk.TryMount("tmpfs", 30, small.Work, out var why);
        Assert.SkipUnless(disk is not null, why);
        using var large = await LentMachine.Register(pool, hub.Lender, "large", Lending.Sandbox, null, "--label", "disk=test");
        await small.Start();
        var task = await hub.Submit(new() { Requirements = new() { CpuCores = 1, MemoryMb = 128, TimeoutSeconds = 600, Labels = "disk = test" } },
            "import sys\nprint('start', flush=True)\nsys.stdout.write('x' * 60_000_000)\nsys.stderr.write('done writing')");
        await pool.WaitFor(task, hub.Sender, status => status.Attempts.Count > 0 && status.Attempts[0].Cause.Length > 0);
        await large.Start();
        var ended = await hub.Ended(task);
        Assert.Equal(("COMPLETED", "large"), (ended.Attempts[^1].Cause, ended.AssignedNode));
        Assert.Equal("WORKER_FAULT", ended.Attempts[0].Cause);
        // Until the other was there it may have been sent here again, and was refused where the hub had not heard yet that the disk is full.
        Assert.All(ended.Attempts.SkipLast(1), attempt => Assert.Contains(attempt.Cause, new[] { "WORKER_FAULT", "WORKER_REFUSED" }));
        Assert.All(ended.Attempts.SkipLast(1), attempt => Assert.Equal(0.0, attempt.CostCredits));
        await small.NothingIsLeft(alive: true);
    }

    /// <summary>Nothing listens at the discard port.</summary>
    [Theory]
    [InlineData("http_proxy")]
    [InlineData("ALL_PROXY")]
    public async Task ProxyInTheEnvironment_TheCommandLineReachesTheHubAllTheSame(string variable)
    {
        using var asked = HivemindProcess.Start(new Dictionary<string, string> { [variable] = "http://127.0.0.1:9" }, "health", "--hub", machines.Hub.Pool.Address);
        Assert.True(await asked.Exited(TimeSpan.FromSeconds(60)) == 0, asked.Output);
    }

    [Fact]
    public async Task ProxyInTheEnvironment_UpServesAndLends()
    {
        var home = Directory.CreateTempSubdirectory("hivemind-test-").FullName;
        var environment = new Dictionary<string, string> { ["HIVEMIND_HUB"] = "", ["XDG_CONFIG_HOME"] = home, ["XDG_DATA_HOME"] = home, ["XDG_STATE_HOME"] = home };
        foreach (var name in new[] { "http_proxy", "https_proxy", "all_proxy" }) environment[name] = "http://127.0.0.1:9";
        using (var up = HivemindProcess.Start(environment, "up", "--HiveMind:Grpc:Port=0", "--HiveMind:Http:Port=0"))
        {
            await Wait.Until(() => up.Process.HasExited || up.Output.Contains("Connected as node", StringComparison.Ordinal), TimeSpan.FromSeconds(90), () => up.Output);
            Assert.False(up.Process.HasExited, up.Output);
            up.Signal("TERM");
            await up.Exited(TimeSpan.FromSeconds(40));
        }
        Directory.Delete(home, recursive: true);
    }

    /// <summary>One machine of each kind that this user can have, with all cases sent to it at its start.</summary>
    public sealed class Machines : IAsyncLifetime
    {
        internal static readonly IReadOnlyDictionary<string, (Lending Lending, bool IsRoot)> Kinds = new Dictionary<string, (Lending, bool)>
        {
            ["sandbox, root"] = (Lending.Sandbox, true),
            ["sandbox, ordinary user"] = (Lending.Sandbox, false),
            ["no sandbox, root"] = (Lending.Namespace, true),
            ["no sandbox, ordinary user"] = (Lending.Bare, false),
        };

        private readonly Dictionary<string, Task<(LentMachine Machine, Dictionary<string, string> Tasks)>> _all = [];

        internal HostilePool Hub { get; } = new();

        public async ValueTask InitializeAsync()
        {
            await Hub.InitializeAsync();
            foreach (var kind in Kinds.Keys) _all[kind] = Begin(kind);
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var started in _all.Values)
                if (started.IsCompletedSuccessfully) (await started).Machine.Dispose();
            await Hub.DisposeAsync();
        }

        internal async Task<LentMachine> Machine(string kind) => (await _all[kind]).Machine;

        internal async Task<string> Sent(string name, string kind) => (await _all[kind]).Tasks[name];

        internal string Output(string kind) => _all[kind] is { IsCompletedSuccessfully: true } started ? started.Result.Machine.Output : "";

        private async Task<(LentMachine, Dictionary<string, string>)> Begin(string kind)
        {
            var (lending, isRoot) = Kinds[kind];
            Assert.SkipWhen(isRoot && !Environment.IsPrivilegedProcess, "These tests run as an ordinary user.");
            int? user = !isRoot && Environment.IsPrivilegedProcess ? LentMachine.Nobody : null;
            var machine = await LentMachine.Register(Hub.Pool, Hub.Lender, kind.Replace(", ", "-").Replace(' ', '-'), lending, user, "--cores", "4");
            await machine.Start();
            var tasks = new Dictionary<string, string>();
            foreach (var (name, one) in Cases)
                tasks[name] = await Hub.Submit(new()
                {
                    Requirements = new() { CpuCores = 1, MemoryMb = 256, TimeoutSeconds = one.Seconds, Labels = $"machine = {machine.NodeId}" },
                }, one.Program);
            return (machine, tasks);
        }
    }
}

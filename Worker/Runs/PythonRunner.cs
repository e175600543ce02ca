using System.Diagnostics;
using System.Globalization;
using HiveMind.Workers.Machine;

namespace HiveMind.Workers.Runs;

/// <summary>Runs a Python program confined as this machine allows, within its memory, its processors, its disk, its time and its output.</summary>
public sealed class PythonRunner : IRunner, IAsyncDisposable
{
    /// <summary>What one run may have: enough for a pool of processes with threads on a large machine, far from what a machine can bear.</summary>
    public const int MostProcesses = 1024, MostFiles = 4096;

    /// <summary>The launcher is part of the run's control group, and not what was asked for.</summary>
    private const long LauncherMb = 12;

    private static readonly TimeSpan DiskEvery = TimeSpan.FromMilliseconds(200);

    private readonly PythonFound python;
    private readonly Confinement confinement;
    private readonly Cgroups? cgroups;
    private readonly CpuSlots slots;
    private readonly TimeProvider time;
    private readonly WarmStart? warm;

    /// <summary>`places`: folders of runs that it starts in advance; null: it starts none.</summary>
    public PythonRunner(PythonFound python, Confinement confinement, Cgroups? cgroups, CpuSlots slots, TimeProvider time, Func<RunPlace>? places = null)
    {
        (this.python, this.confinement, this.cgroups, this.slots, this.time) = (python, confinement, cgroups, slots, time);
        if (places is not null) warm = new WarmStart(() => StartInAdvance(places), time);
    }

    public string TaskType => TaskTypes.Python;

    public async ValueTask<RunPlace?> TakeWarm() => warm is not null && await warm.Take() is { } launch ? launch.Place with { Launch = launch } : null;

    public async Task<RunResult> Run(RunRequest request, Action began, CancellationToken kill)
    {
        kill.ThrowIfCancellationRequested();
        using var processors = slots.Take(request.Cores);
        using var launch = await TakenOrNew(request);
        launch.Group?.Limit(request.MemoryMb + LauncherMb, request.Cores);
        await File.WriteAllTextAsync(request.Place.Processors, string.Join(',', processors.Processors) + "\n", kill);
        var startedAt = time.GetTimestamp();
        began();
        warm?.Expect();
        try
        {
            var run = new Running(confinement, time, request, launch, startedAt);
            return await run.ToItsEnd(Orders(request, processors.Processors, launch.Mark), kill);
        }
        finally
        {
            warm?.Expect();
        }
    }

    public ValueTask DisposeAsync() => warm?.DisposeAsync() ?? ValueTask.CompletedTask;

    private async Task<Launch> StartInAdvance(Func<RunPlace> places)
    {
        var place = places();
        try
        {
            return await Start(place, []);
        }
        catch (Exception)
        {
            place.Remove();
            throw;
        }
    }

    /// <summary>One that was started in advance and ended meanwhile is no reason for a run to fail.</summary>
    private async Task<Launch> TakenOrNew(RunRequest request)
    {
        if (request.Place.Launch is { IsAlive: true } warm) return warm;
        if (request.Place.Launch is { } dead)
        {
            await dead.End();
            File.Delete(request.Place.Status);
        }
        return await Start(request.Place with { Launch = null }, request.Gpus);
    }

    private async Task<Launch> Start(RunPlace place, IReadOnlyList<string> gpus)
    {
        var group = cgroups?.Open(MostProcesses);
        try
        {
            // What it is to hold is known with the orders; the sandbox wants the file now.
            await File.WriteAllTextAsync(place.Processors, "", CancellationToken.None);
            return new Launch(place, await ProcessSpawner.Shared.Start(StartInfo(place, gpus, group)), group, confinement.OwnsWholeTree);
        }
        catch (Exception)
        {
            group?.Dispose();
            throw;
        }
    }

    private ProcessStartInfo StartInfo(RunPlace place, IReadOnlyList<string> gpus, RunCgroup? group)
    {
        var command = confinement.GuardedCommand(System.Environment.ProcessId, python.Path, place, group?.JoinFiles ?? [], GpuDevices.Of(gpus));
        var start = new ProcessStartInfo(command[0], command.Skip(1))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = place.Task,
        };
        // The worker's own environment may hold secrets, and a task's own variables could act outside the sandbox: these reach the program by its orders.
        start.Environment.Clear();
        return start;
    }

    private byte[] Orders(RunRequest request, IReadOnlyList<int> processors, string mark) => new LaunchOrders
    {
        Command = [.. confinement.DiesWithLauncher, python.Path, Path.Combine(confinement.InsideDirectory(request.Place), "main.py"), .. request.Arguments],
        Variables = Variables(request, processors.Count, mark),
        Processors = processors,
        // The kernel counts them for a user, and for the namespace that he is in: outside of one that would count the machine's.
        MostProcesses = confinement.Isolates ? MostProcesses : 0,
        MostFiles = MostFiles,
        FileBytes = request.Disk.FileMb << 20,
    }.ToBytes();

    private Dictionary<string, string> Variables(RunRequest request, int processors, string mark)
    {
        var threads = processors.ToString(CultureInfo.InvariantCulture);
        var home = confinement.InsideDirectory(request.Place);
        var variables = new Dictionary<string, string>
        {
            ["PATH"] = "/usr/local/bin:/usr/bin:/bin",
            ["LANG"] = "C.UTF-8",
            ["SHELL"] = "/bin/sh",
            // Who watches sees a line when it is printed, not when 8 KiB of them are.
            ["PYTHONUNBUFFERED"] = "1",
            ["MALLOC_ARENA_MAX"] = "2",
            ["TMPDIR"] = confinement.Isolates ? "/tmp" : request.Place.Temporary,
        };
        // Libraries start a thread for every core of the machine, and the C library an arena for each, unless told.
        foreach (var name in ThreadVariables) variables[name] = threads;
        foreach (var (name, value) in request.Environment)
            if (name.Length > 0 && !name.Contains('=', StringComparison.Ordinal))
                variables[name] = value;
        variables["HOME"] = home;
        variables["USER"] = variables["LOGNAME"] = confinement.Isolates ? SandboxFiles.UserName : System.Environment.UserName;
        variables["HIVEMIND_TASK_ID"] = request.TaskId;
        variables["HIVEMIND_ATTEMPT"] = request.Attempt.ToString(CultureInfo.InvariantCulture);
        // What was not given to it is hidden, also from a program that asked for none.
        variables["CUDA_VISIBLE_DEVICES"] = string.Join(',', request.Gpus);
        if (!confinement.OwnsWholeTree)
            variables[ProcessTree.MarkName] = mark;
        return variables;
    }

    private static readonly string[] ThreadVariables =
    [
        "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "NUMEXPR_MAX_THREADS", "VECLIB_MAXIMUM_THREADS", "RAYON_NUM_THREADS",
        "POLARS_MAX_THREADS", "NUMBA_NUM_THREADS", "JULIA_NUM_THREADS", "GOMAXPROCS", "LOKY_MAX_CPU_COUNT", "PYTHON_CPU_COUNT", "UV_THREADPOOL_SIZE", "DOTNET_PROCESSOR_COUNT",
    ];

    /// <summary>One program from its start to its last process.</summary>
    private sealed class Running(
        Confinement confinement, TimeProvider time, RunRequest request, Launch launch, long startedAt)
    {
        private readonly OutputFile _stdout = new(request.Place.Stdout, request.MaxOutputBytes), _stderr = new(request.Place.Stderr, request.MaxOutputBytes);
        private readonly ProcessTree _tree = launch.Tree();
        private readonly RunMeter _meter = new(launch.Tree(), confinement.OwnsWholeTree, launch.Group, request.MemoryMb, MostProcesses);
        private long _runMs;

        public async Task<RunResult> ToItsEnd(byte[] orders, CancellationToken kill)
        {
            using var pumps = new CancellationTokenSource();
            using var watching = CancellationTokenSource.CreateLinkedTokenSource(kill);
            Task[] outputs = [_stdout.Copy(launch.Process.StandardOutput.BaseStream, pumps.Token), _stderr.Copy(launch.Process.StandardError.BaseStream, pumps.Token)];
            var input = Feed(launch.Process.StandardInput.BaseStream, orders, request, pumps.Token);
            var exited = launch.Process.WaitForExitAsync(CancellationToken.None);
            var late = Task.Delay(request.Timeout, time, watching.Token);
            var usesTooMuch = _meter.Watch(time, watching.Token);
            var disk = new DiskWatch(_tree, request.Place, request.Disk).Watch(DiskEvery, time, watching.Token);
            var killed = Task.Delay(Timeout.Infinite, watching.Token);
            var tooLarge = Task.WhenAny(_stdout.TooLarge, _stderr.TooLarge);
            var broken = Task.WhenAny(_stdout.Broken, _stderr.Broken);
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(request.Stop, watching.Token);
            var asked = Task.Delay(Timeout.Infinite, stop.Token);
            Task[] ends = [exited, broken, usesTooMuch, disk, tooLarge, killed];

            var first = await Task.WhenAny([.. ends, late, asked]);
            _runMs = (long)time.GetElapsedTime(startedAt).TotalMilliseconds;
            if (first == late || (first == asked && !kill.IsCancellationRequested))
                first = await AskFirst(first, ends, watching.Token);
            // Also after a program that ended by itself: what it started in the background ends with it, and lets go of the pipes.
            await _tree.Kill(byMark: !confinement.OwnsWholeTree && launch.Group is null);
            await exited;
            await watching.CancelAsync();
            await Drain(Task.WhenAll([.. outputs, input]), pumps);

            kill.ThrowIfCancellationRequested();
            request.Stop.ThrowIfCancellationRequested();
            if (first.IsFaulted) await first; // what watched over it broke: the machine's fault
            if (first == exited && tooLarge.IsCompleted) first = tooLarge;
            var status = LaunchStatus.Parse(MachineProbe.Text(request.Place.Status));
            if ((_stdout.Problem ?? _stderr.Problem) is { } problem) return RunResult.Fault(problem);
            return first == late ? Ended(RunReasons.RunTimeout, $"Stopped after its {request.Timeout.TotalSeconds:0.###} s.", status)
                : _meter.IsOutOfMemory || launch.Group is { IsOutOfMemory: true } ? Ended(RunReasons.OutOfMemory, $"Stopped above its {request.MemoryMb} MB of memory.", status)
                : first == usesTooMuch ? Ended(RunReasons.ProgramFailed, $"Stopped above its {MostProcesses} processes.", status)
                : first == disk ? Ended(RunReasons.OutOfDisk, $"Stopped above {request.Disk.Limit}.", status)
                : first == tooLarge ? Ended(RunReasons.OutputTooLarge, $"Stopped above {request.MaxOutputBytes} bytes of output.", status)
                : Exited(status);
        }

        /// <summary>SIGTERM, and its grace; what must not wait (its limits, a lost lease) ends it at once all the same.</summary>
        private async Task<Task> AskFirst(Task why, Task[] ends, CancellationToken cancel)
        {
            if (request.Grace <= TimeSpan.Zero) return why;
            _tree.AskToEnd(launcherIsChild: confinement.OwnsWholeTree);
            await Task.WhenAny([.. ends, Task.Delay(request.Grace, time, cancel)]);
            return why;
        }

        private RunResult Ended(string reason, string message, LaunchStatus status) =>
            new(status.ExitCode, reason, message, _runMs, _meter.PeakMb(status.PeakKb), CpuMs(status), status.Signal);

        private RunResult Exited(LaunchStatus status)
        {
            if (status.Failure is { } failure) return Ended(RunReasons.WorkerFault, $"The program could not be started: {failure}", status);
            if (!status.Started) return Ended(RunReasons.WorkerFault, $"The program could not be started: {OutputFile.LastLine(request.Place.Stderr)} (code {launch.Process.ExitCode})", status);
            if (status.ExitCode == 0) return Ended("", "", status);
            var said = OutputFile.LastLine(request.Place.Stderr);
            if (MemoryLimit.SaysOutOfMemory(said))
                return Ended(RunReasons.OutOfMemory, $"It got no more than its {request.MemoryMb} MB of memory: {said}", status);
            if (DiskWatch.SaysFileTooLarge(status.Signal, said))
                return Ended(RunReasons.OutOfDisk, $"A file would be larger than {request.Disk.Limit}. {said}".Trim(), status);
            // Nobody waited for it: it killed its own launcher, where no namespace guards that.
            var signal = status.WaitStatus is null ? Signals.Kill : status.Signal;
            return Ended(RunReasons.ProgramFailed, said.Length > 0 && signal == 0 ? said
                : signal > 0 ? $"Ended by signal {Signals.Describe(signal)}." : $"Ended with exit code {status.ExitCode}.", status) with { Signal = signal };
        }

        private long CpuMs(LaunchStatus status) => status.WaitStatus is not null ? status.CpuMs : _meter.CpuMs;

        private static async Task Feed(Stream stdin, byte[] orders, RunRequest request, CancellationToken cancel)
        {
            try
            {
                await using (stdin)
                {
                    await stdin.WriteAsync(orders, cancel);
                    await request.WriteStandardInput(stdin, cancel);
                }
            }
            catch (IOException)
            {
                // A program need not read its input.
            }
        }

        /// <summary>All processes are gone, so the pipes end; should one not, the output read so far is the output.</summary>
        private static async Task Drain(Task copies, CancellationTokenSource pumps)
        {
            pumps.CancelAfter(TimeSpan.FromSeconds(5));
            try
            {
                await copies;
            }
            catch (Exception e) when (e is OperationCanceledException or IOException or UnauthorizedAccessException)
            {
            }
        }
    }
}

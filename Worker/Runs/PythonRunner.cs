using System.Diagnostics;
using System.Globalization;
using HiveMind.Workers.Machine;

namespace HiveMind.Workers.Runs;

/// <summary>Runs a Python program confined as this machine allows, within its memory, its disk, its time and its output.</summary>
public sealed class PythonRunner(PythonFound python, Confinement confinement, TimeProvider time) : IRunner
{
    private static readonly TimeSpan SampleEvery = TimeSpan.FromMilliseconds(50), DiskEvery = TimeSpan.FromMilliseconds(200);

    public string TaskType => TaskTypes.Python;

    public async Task<RunResult> Run(RunRequest request, Action began, CancellationToken kill)
    {
        kill.ThrowIfCancellationRequested();
        var mark = Guid.NewGuid().ToString("N");
        using var process = await ProcessSpawner.Shared.Start(StartInfo(request, mark));
        var startedAt = time.GetTimestamp();
        began();
        var tree = new ProcessTree(process.Id, mark);
        var stdout = new OutputFile(request.Place.Stdout, request.MaxOutputBytes);
        var stderr = new OutputFile(request.Place.Stderr, request.MaxOutputBytes);
        using var pumps = new CancellationTokenSource();
        var copies = Task.WhenAll(
            stdout.Copy(process.StandardOutput.BaseStream, pumps.Token), stderr.Copy(process.StandardError.BaseStream, pumps.Token),
            Feed(process.StandardInput.BaseStream, request.StandardInput, pumps.Token));

        using var watching = CancellationTokenSource.CreateLinkedTokenSource(kill);
        var exited = process.WaitForExitAsync(CancellationToken.None);
        var late = Task.Delay(request.Timeout, time, watching.Token);
        var used = new UsageWatch(tree, request.MemoryMb);
        var tooMuch = used.Watch(SampleEvery, time, watching.Token);
        var tooMuchDisk = new DiskWatch(tree, request.Place, request.Disk).Watch(DiskEvery, time, watching.Token);
        var killed = Task.Delay(Timeout.Infinite, watching.Token);
        var tooLarge = Task.WhenAny(stdout.TooLarge, stderr.TooLarge);

        var first = await Task.WhenAny(exited, late, tooMuch, tooMuchDisk, tooLarge, stdout.Broken, stderr.Broken, killed);
        var runMs = (long)time.GetElapsedTime(startedAt).TotalMilliseconds;
        // Also after a program that ended by itself: what it started in the background ends with it, and lets go of the pipes.
        await tree.Kill(byMark: !confinement.OwnsWholeTree);
        await exited;
        await watching.CancelAsync();
        await Drain(copies, pumps);

        kill.ThrowIfCancellationRequested();
        if ((stdout.Problem ?? stderr.Problem) is { } broken)
            return RunResult.Fault(broken);
        if (first == exited && tooLarge.IsCompleted)
            first = tooLarge;
        return first == late ? Ended(RunReasons.RunTimeout, $"Stopped after its {request.Timeout.TotalSeconds:0.###} s.")
            : first == tooMuch ? Ended(RunReasons.OutOfMemory, $"Stopped above its {request.MemoryMb} MB of memory.")
            : first == tooMuchDisk ? Ended(RunReasons.OutOfDisk, $"Stopped above {request.Disk.Limit}.")
            : first == tooLarge ? Ended(RunReasons.OutputTooLarge, $"Stopped above {request.MaxOutputBytes} bytes of output.")
            : Exited(process.ExitCode);

        RunResult Ended(string reason, string message) => new(0, reason, message, runMs, used.PeakMb, used.CpuMs);

        RunResult Exited(int code)
        {
            if (code == 0)
                return new RunResult(0, "", "", runMs, used.PeakMb, used.CpuMs);
            var said = OutputFile.LastLine(request.Place.Stderr);
            if (MemoryLimit.SaysOutOfMemory(said))
                return new RunResult(code, RunReasons.OutOfMemory, $"It got no more than its {request.MemoryMb} MB of memory: {said}",
                    runMs, used.PeakMb, used.CpuMs);
            if (DiskWatch.SaysFileTooLarge(code, said))
                return new RunResult(code, RunReasons.OutOfDisk, $"A file would be larger than {request.Disk.Limit}. {said}".Trim(), runMs, used.PeakMb, used.CpuMs);
            var message = said.Length > 0 ? said : code > 128 ? $"Ended by signal {code - 128}." : $"Ended with exit code {code}.";
            return new RunResult(code, RunReasons.ProgramFailed, message, runMs, used.PeakMb, used.CpuMs);
        }
    }

    private ProcessStartInfo StartInfo(RunRequest request, string mark)
    {
        var environment = Variables(request, mark);
        var program = new List<string> { python.Path, Path.Combine(confinement.InsideDirectory(request.Place), "main.py") };
        program.AddRange(request.Arguments);
        var command = confinement.GuardedCommand(
            System.Environment.ProcessId, new RunLimits(MemoryLimit.AddressSpaceKb(request.MemoryMb), DiskWatch.FileBlocks(request.Disk)),
            request.Place, environment, request.Gpus.Count > 0, program);
        var start = new ProcessStartInfo(command[0], command.Skip(1))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = request.Place.Task,
        };
        // The worker's own environment may hold secrets. A task's own variables reach bubblewrap as arguments, never its environment:
        // there a loader variable would act outside the sandbox.
        start.Environment.Clear();
        if (!confinement.Isolates)
            foreach (var (name, value) in environment)
                start.Environment[name] = value;
        return start;
    }

    private Dictionary<string, string> Variables(RunRequest request, string mark)
    {
        var threads = Math.Max(1, (int)Math.Ceiling(request.Cores)).ToString(CultureInfo.InvariantCulture);
        var variables = new Dictionary<string, string>
        {
            ["PATH"] = "/usr/local/bin:/usr/bin:/bin",
            ["LANG"] = "C.UTF-8",
            // Who watches sees a line when it is printed, not when 8 KiB of them are.
            ["PYTHONUNBUFFERED"] = "1",
            // Numeric libraries start a thread for every core of the machine, and the C library an arena for each, unless told.
            ["OMP_NUM_THREADS"] = threads,
            ["OPENBLAS_NUM_THREADS"] = threads,
            ["MALLOC_ARENA_MAX"] = "2",
            ["TMPDIR"] = confinement.Isolates ? "/tmp" : request.Place.Temporary,
        };
        foreach (var (name, value) in request.Environment)
            if (name.Length > 0 && !name.Contains('=', StringComparison.Ordinal))
                variables[name] = value;
        variables["HOME"] = confinement.InsideDirectory(request.Place);
        variables["HIVEMIND_TASK_ID"] = request.TaskId;
        variables["HIVEMIND_ATTEMPT"] = request.Attempt.ToString(CultureInfo.InvariantCulture);
        // What was not given to it is hidden, also from a program that asked for none.
        variables["CUDA_VISIBLE_DEVICES"] = string.Join(',', request.Gpus);
        if (!confinement.OwnsWholeTree)
            variables[ProcessTree.MarkName] = mark;
        return variables;
    }

    private static async Task Feed(Stream stdin, ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        try
        {
            await using (stdin)
                await stdin.WriteAsync(bytes, cancel);
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
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
        }
    }

    private sealed class UsageWatch(ProcessTree tree, long memoryMb)
    {
        private long _peakBytes, _cpuMs;

        public long PeakMb => (_peakBytes + (1 << 20) - 1) >> 20;
        /// <summary>To within one sample, as nobody can look at a process that has ended.</summary>
        public long CpuMs => _cpuMs;

        /// <summary>Comes back when the run has more in memory than it asked for.</summary>
        public async Task Watch(TimeSpan every, TimeProvider time, CancellationToken cancel)
        {
            var limit = memoryMb << 20;
            do
            {
                _peakBytes = Math.Max(_peakBytes, tree.MemoryBytes(limit));
                _cpuMs = Math.Max(_cpuMs, tree.CpuMs());
                if (_peakBytes > limit)
                    return;
                await Task.Delay(every, time, cancel);
            }
            while (true);
        }
    }
}

using HiveMind.Workers.Machine;

namespace HiveMind.Workers.Runs;

/// <summary>
/// What a run uses, looked at again and again, and whether that is more than it may. Memory: where a control group limits it the kernel has the
/// last word; where not, it is more than asked for in two samples one after the other, so that a process that is just ending or just starting costs nobody
/// his run.
/// </summary>
internal sealed class RunMeter(ProcessTree tree, bool launcherIsChild, RunCgroup? group, long memoryMb, int mostProcesses)
{
    /// <summary>Whose mapped files are looked at: with very many processes that must not become the work itself.</summary>
    private const int MostAsked = 16;
    /// <summary>Of an interpreter and its libraries, before anybody has looked.</summary>
    private const long UsualFileBytes = 9 << 20;

    /// <summary>Processor time that a start may take before a share of a processor is no more than that.</summary>
    private const long StartMs = 250;

    private static readonly TimeSpan Every = TimeSpan.FromMilliseconds(50);
    /// <summary>Reading much memory takes its time: a tenth of it at most.</summary>
    private const int PauseFactor = 10;

    private long _peakBytes, _cpuMs, _fileBytes;

    /// <summary>
    /// The most that its processes have had together, as it was seen; or that one of them has had between two looks, by what the launcher was told of
    /// ended ones, <paramref name="largestKb"/>: that is with the files it had mapped, which the kernel may drop.
    /// </summary>
    public long PeakMb(long largestKb)
    {
        var largest = (largestKb << 10) - (_fileBytes > 0 ? _fileBytes : UsualFileBytes);
        if (group?.MostBytes() is { } most) largest = Math.Min(largest, most);
        return (Math.Max(Math.Max(0, _peakBytes), largest) + (1 << 20) - 1) >> 20;
    }

    /// <summary>To within one sample, as nobody can look at a process that has ended.</summary>
    public long CpuMs => _cpuMs;

    public bool IsOutOfMemory { get; private set; }
    public bool IsTooMany { get; private set; }

    /// <summary>
    /// Comes back when the run uses more than it may. Processes are counted more often than their memory is read: with each one that reading takes longer,
    /// and a pause after it must not be the time in which they become too many.
    /// </summary>
    public async Task Watch(TimeProvider time, CancellationToken cancel)
    {
        var (rested, pause) = (time.GetTimestamp(), TimeSpan.Zero);
        while (true)
        {
            var since = time.GetTimestamp();
            var members = tree.Members();
            IsTooMany = group is not { LimitsProcesses: true } && members.Count > mostProcesses;
            if (IsTooMany) return;
            var counting = time.GetElapsedTime(since);
            if (time.GetElapsedTime(rested) >= pause)
            {
                since = time.GetTimestamp();
                if (UsesTooMuchMemory(members)) return;
                (rested, pause) = (time.GetTimestamp(), time.GetElapsedTime(since) * PauseFactor);
            }
            await Task.Delay(counting * PauseFactor > Every ? counting * PauseFactor : Every, time, cancel);
        }
    }

    private bool UsesTooMuchMemory(IReadOnlyList<int> members)
    {
        var launcher = tree.Launcher(launcherIsChild, fresh: false);
        // The launcher belongs to it, and is not what was asked for.
        var own = ProcFiles.Shares(MachineProbe.Text($"/proc/{launcher}/smaps_rollup")).AnonymousKb << 10;
        var bytes = Bytes(members) - own;
        _peakBytes = Math.Max(_peakBytes, bytes);
        _cpuMs = Math.Max(_cpuMs, tree.CpuMs());
        if (_cpuMs >= StartMs) group?.HoldToItsShare();
        foreach (var id in members.Where(id => id != launcher).Take(MostAsked))
            _fileBytes = Math.Max(_fileBytes, (ProcFiles.StatusKb(MachineProbe.Text($"/proc/{id}/status"), "RssFile") ?? 0) << 10);
        IsOutOfMemory = group is not null ? group.IsOutOfMemory
            : bytes > memoryMb << 20 && Bytes(tree.Members(fresh: true)) - own > memoryMb << 20;
        return IsOutOfMemory;
    }

    private long Bytes(IReadOnlyList<int> members) => group?.MemoryBytes() ?? MemoryUse.Bytes(members);
}

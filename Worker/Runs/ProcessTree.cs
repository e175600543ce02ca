using System.Runtime.InteropServices;
using System.Text;
using HiveMind.Workers.Machine;

namespace HiveMind.Workers.Runs;

/// <summary>All processes of one run: the one that was started, its group, all that come from it, and all in its control group.</summary>
internal sealed partial class ProcessTree(int root, string mark, RunCgroup? group = null)
{
    private static readonly TimeSpan SnapshotAge = TimeSpan.FromMilliseconds(40);
    private static readonly Lock SnapshotLock = new();
    private static ProcessEntry[] _snapshot = [];
    private static long _snapshotAt;

    /// <summary>The environment variable whose value marks every process of a run, also one that left group and parent behind.</summary>
    public const string MarkName = "HIVEMIND_RUN";

    public IReadOnlyList<int> Members(bool fresh = false) => [.. Processes(fresh).Where(p => p.State != 'Z').Select(p => p.Id)];

    /// <summary>Processor time of those that there are, with that of their children that have ended and that they know of.</summary>
    public long CpuMs() => Processes(fresh: false).Sum(process => process.CpuTicks) * 1000 / ProcFiles.TicksPerSecond;

    private IEnumerable<ProcessEntry> Processes(bool fresh)
    {
        var all = Snapshot(fresh);
        HashSet<int> members = [root, .. group?.Processes ?? []];
        for (var before = 0; before != members.Count;)
        {
            before = members.Count;
            foreach (var process in all)
                if (process.GroupId == root || members.Contains(process.ParentId))
                    members.Add(process.Id);
        }
        return all.Where(p => members.Contains(p.Id));
    }

    /// <summary>Asks the program to end: the launcher hands the signal on to it.</summary>
    public void AskToEnd(bool launcherIsChild)
    {
        if (Launcher(launcherIsChild, fresh: true) is > 1 and var launcher) _ = Signal(launcher, Signals.Terminate);
    }

    /// <summary>What was started, or its only child where that made a namespace first; 0 before there is one.</summary>
    public int Launcher(bool isChild, bool fresh) =>
        isChild ? Snapshot(fresh).Where(p => p.ParentId == root).Select(p => p.Id).FirstOrDefault() : root;

    /// <summary>Ends one process, if it is there.</summary>
    public static void Kill(int process) => _ = Signal(process, Signals.Kill);

    /// <summary>
    /// Ends what a dead worker's programs left running, where no namespace and no control group ended it: marked processes whose home is below that
    /// worker's folder.
    /// </summary>
    public static void KillLeft(string folder)
    {
        if (!OperatingSystem.IsLinux()) return;
        byte[] mark = Encoding.ASCII.GetBytes(MarkName + "="), home = Encoding.UTF8.GetBytes($"HOME={folder}/");
        for (var round = 0; round < 100; round++)
        {
            var left = Snapshot(fresh: true).Where(one => one.State != 'Z' && one.Id != Environment.ProcessId
                && EnvironmentOf(one.Id) is var environment && environment.AsSpan().IndexOf(home) >= 0 && environment.AsSpan().IndexOf(mark) >= 0).ToList();
            if (left.Count == 0) return;
            foreach (var one in left) Kill(one.Id);
            Thread.Sleep(10);
        }
    }

    /// <summary>Kills all and comes back when none is left. With <paramref name="byMark"/> also those that hid from the group.</summary>
    public async Task Kill(bool byMark)
    {
        for (var round = 0; round < 500; round++)
        {
            var members = Members(fresh: true);
            var left = byMark ? members.Union(Marked()).ToArray() : [.. members];
            if (left.Length == 0)
                return;
            group?.Kill();
            _ = Signal(-root, Signals.Kill);
            foreach (var id in left)
                _ = Signal(id, Signals.Kill);
            await Task.Delay(10);
        }
    }

    private IEnumerable<int> Marked()
    {
        var wanted = Encoding.ASCII.GetBytes($"{MarkName}={mark}");
        foreach (var process in Snapshot(fresh: false))
        {
            if (process.State == 'Z' || process.Id == Environment.ProcessId)
                continue;
            if (EnvironmentOf(process.Id).AsSpan().IndexOf(wanted) >= 0)
                yield return process.Id;
        }
    }

    /// <summary>Nothing, where it may not be read or the process is gone.</summary>
    private static byte[] EnvironmentOf(int process)
    {
        try
        {
            return File.ReadAllBytes($"/proc/{process}/environ");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>One reading of the process table serves all runs that ask at about the same time.</summary>
    private static ProcessEntry[] Snapshot(bool fresh)
    {
        lock (SnapshotLock)
        {
            if (!fresh && _snapshotAt != 0 && TimeProvider.System.GetElapsedTime(_snapshotAt) < SnapshotAge)
                return _snapshot;
            _snapshot = [.. Directory.EnumerateDirectories("/proc").Where(d => char.IsAsciiDigit(d[6]))
                .Select(d => ProcFiles.Process(MachineProbe.Text(d + "/stat"))).OfType<ProcessEntry>()];
            _snapshotAt = TimeProvider.System.GetTimestamp();
            return _snapshot;
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Signal(int process, int signal);
}

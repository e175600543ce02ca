using System.Diagnostics;
using HiveMind.Workers.Machine;

namespace HiveMind.Workers.Runs;

/// <summary>
/// The launcher of one run, started in its folders, its control group and its sandbox: it waits for its orders. Disposing it ends all that is left
/// of it, beside whoever does so.
/// </summary>
internal sealed class Launch(RunPlace place, Process process, RunCgroup? group, bool ownsWholeTree) : IDisposable
{
    private int _ended;

    public RunPlace Place => place;
    public Process Process => process;
    public RunCgroup? Group => group;
    /// <summary>Marks every process of the run, also one that left its parent behind.</summary>
    public string Mark { get; } = Guid.NewGuid().ToString("N");
    public bool IsAlive => !process.HasExited && ProcFiles.Process(MachineProbe.Text($"/proc/{process.Id}/stat")) is { State: not 'Z' };
    /// <summary>Comes back when all is in its place and it waits for its orders, or when it ended. Nothing tells of either where its standard output is the run's.</summary>
    public async Task Ready()
    {
        while (!MachineProbe.Text(place.Status).StartsWith("ready\n", StringComparison.Ordinal) && IsAlive)
            await Task.Delay(TimeSpan.FromMilliseconds(2));
    }

    public ProcessTree Tree() => new(process.Id, Mark, group);

    public void Dispose() => _ = End();

    /// <summary>Comes back when nothing of it runs any more.</summary>
    public async Task End()
    {
        if (Interlocked.Exchange(ref _ended, 1) != 0) return;
        if (!process.HasExited)
        {
            await Tree().Kill(byMark: !ownsWholeTree && group is null);
            await process.WaitForExitAsync();
        }
        group?.Dispose();
        process.Dispose();
    }
}

namespace HiveMind.Workers.Runs;

/// <summary>
/// Keeps a run within its disk. Two limits: what all its files take is looked at again and
/// again, and no single file grows above the limit between two looks (the kernel refuses that to the program itself).
/// </summary>
internal sealed class DiskWatch(ProcessTree tree, RunPlace place, DiskClaim claim)
{
    /// <summary>Looking at many files takes its time: a tenth of it at most, so that a full folder does not cost a core.</summary>
    private const int PauseFactor = 10;

    /// <summary>The program says itself that its file may not grow, or was ended by the signal for it.</summary>
    public static bool SaysFileTooLarge(int signal, string lastErrorLine) =>
        signal == Signals.FileTooLarge || lastErrorLine.StartsWith("OSError: [Errno 27]", StringComparison.Ordinal);

    /// <summary>Comes back when its files take more than they may.</summary>
    public async Task Watch(TimeSpan every, TimeProvider time, CancellationToken cancel)
    {
        while (true)
        {
            var since = time.GetTimestamp();
            if (claim.IsTooMuch(DiskUse.Bytes(place, tree.Members(), claim.MostBytes)))
                return;
            var took = time.GetElapsedTime(since) * PauseFactor;
            await Task.Delay(took > every ? took : every, time, cancel);
        }
    }
}

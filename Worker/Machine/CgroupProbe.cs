using HiveMind.Workers.Runs;

namespace HiveMind.Workers.Machine;

/// <summary>Finds control groups and proves by a real trial that one stops what uses more memory than it may.</summary>
internal static class CgroupProbe
{
    private const long TrialMb = 32;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>Null, with the reason, where runs cannot have one.</summary>
    public static async Task<(Cgroups? Found, string Note)> Find(CancellationToken cancel)
    {
        if (!OperatingSystem.IsLinux()) return (null, "only Linux has control groups");
        var (found, note) = Cgroups.Find();
        if (found is null) return (null, note);
        try
        {
            using var trial = found.Open(processes: 16);
            trial.Limit(TrialMb, cores: 1);
            string[] groups = [.. trial.JoinFiles];
            // dd touches the whole buffer that it is told to have.
            await Programs.Run("/bin/sh", ["-c", "for group; do echo 0 >\"$group\" || exit 1; done; exec dd if=/dev/zero of=/dev/null bs=128M count=1", "sh", .. groups], Patience, cancel);
            if (trial.IsOutOfMemory) return (found, "");
            note = $"the {found.Kind} of this machine does not stop what uses too much memory";
        }
        catch (IOException e)
        {
            note = e.Message;
        }
        found.Dispose();
        return (null, note);
    }
}

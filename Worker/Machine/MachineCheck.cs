namespace HiveMind.Workers.Machine;

/// <summary>One thing that a worker on this machine can hold to, or cannot, and then how its owner gets it.</summary>
public sealed record MachineFinding(string Subject, bool IsHeld, string What, string Remedy = "");

/// <summary>What an owner is told of his machine before he lends it. Pure: from what was measured.</summary>
public static class MachineCheck
{
    public static IReadOnlyList<MachineFinding> Findings(MachineFacts facts, WorkerOptions options)
    {
        var confinement = facts.Confinement;
        List<MachineFinding> findings =
        [
            facts.Python is { } python
                ? new("python", true, $"Python {python.Version} ({python.Path}) runs Python tasks.")
                : new("python", false, "There is no python3: no Python task comes.", "apt-get install python3, or your system's package"),
            confinement.DiesWithWorker
                ? new("end", true, "Programs end with the worker, also when it is killed.")
                : new("end", false, "Programs could outlive the worker, so none is run.", "install util-linux (setpriv, setsid)"),
            confinement.Isolates
                ? new("isolation", true, "Programs run in a sandbox: no network, no files of yours, no other processes"
                    + (confinement.Files.Filter.Length > 0 ? ", few system calls." : "."))
                : new("isolation", false, $"Programs run as you, with all that you may do ({confinement.Note}).", Bubblewrap(options)),
        ];
        if (confinement is { Isolates: true, ForbidsUserNamespaces: false })
            findings.Add(new("namespaces", false, "This bubblewrap cannot forbid user namespaces itself; the filter of system calls does.", "bubblewrap 0.8 or newer"));
        if (!confinement.OwnsWholeTree && facts.Groups is null)
            findings.Add(new("processes", false, "What a program starts may outlive a worker that is killed with -9.", "allow user namespaces, or run the worker as a service"));
        Limits(facts, findings);
        findings.Add(MachineProbe.Capabilities(facts, options).AcceptsStrangers
            ? new("strangers", true, "Tasks of everybody in the pool are taken.")
            : new("strangers", false, "Only your own tasks are taken.", "mend what stands above, or say so with --accept-strangers or --unsandboxed"));
        return findings;
    }

    private static void Limits(MachineFacts facts, List<MachineFinding> findings)
    {
        var groups = facts.Groups;
        const string service = "run the worker as a service (deploy/systemd), or below systemd-run --user --scope -p Delegate=yes";
        findings.Add(groups is not null
            ? new("memory", true, $"The kernel limits each run's memory ({groups.Kind}).")
            : new("memory", false, $"Each run's memory is looked at 20 times a second and stopped above its limit; the kernel does not hold it ({facts.GroupsNote}).", service));
        findings.Add(groups?.Controllers.Contains("cpu") == true
            ? new("cpu", true, "Each run gets the cores that it reserved, and no more.")
            : new("cpu", false, "Each run is kept to as many whole processors as it reserved cores; parts of one are not held.", service));
        findings.Add(groups?.Controllers.Contains("pids") == true
            ? new("processes", true, $"Each run may have {Runs.PythonRunner.MostProcesses} processes and threads.")
            : new("processes", false, $"Above {Runs.PythonRunner.MostProcesses} processes a run is stopped at the next look.", service));
        findings.Add(new("disk", true, $"{facts.DiskMb} MB of disk are lent; a run above its share is stopped at the next look."));
    }

    private static string Bubblewrap(WorkerOptions options) => options.NoSandbox
        ? "leave out --no-sandbox"
        : "apt-get install bubblewrap, and allow user namespaces (sysctl kernel.unprivileged_userns_clone=1; on Ubuntu 24.04 an AppArmor profile for bwrap)";
}

using HiveMind.Workers.Runs;

namespace HiveMind.Workers.Machine;

/// <summary>
/// Finds out by trial what this machine allows: bubblewrap may be installed and yet be forbidden (user namespaces switched off, a
/// container without the right), and only a real run with the real profile tells.
/// </summary>
public static class ConfinementProbe
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public static async Task<Confinement> Find(PythonFound? python, bool noSandbox, SandboxFiles files, CancellationToken cancel)
    {
        var setpriv = await Works(Programs.Find("setpriv"), ["--pdeathsig", "KILL", "--no-new-privs", "true"], cancel);
        var bare = new Confinement { Setpriv = setpriv, Setsid = Programs.Find("setsid"), Files = files };
        if (!noSandbox && Programs.Find("bwrap") is { } bubblewrap)
        {
            var sandbox = bare with { Bubblewrap = bubblewrap, ForbidsUserNamespaces = true };
            if ((await Try(sandbox, python, cancel)).ExitCode == 0)
                return sandbox;
            sandbox = sandbox with { ForbidsUserNamespaces = false }; // older than 0.8
            var answer = await Try(sandbox, python, cancel);
            if (answer.ExitCode == 0)
                return sandbox;
            bare = bare with { Note = $"bubblewrap is installed but cannot isolate here: {LastLine(answer.Output)}" };
        }
        else
        {
            bare = bare with { Note = noSandbox ? "isolation is switched off" : "bubblewrap is not installed" };
        }
        foreach (var namespaces in Confinement.PidNamespaces)
            if (await Works(Programs.Find("unshare"), [.. namespaces, "--", "true"], cancel) is { } unshare)
                return bare with { Unshare = [unshare, .. namespaces] };
        return bare;
    }

    private static async Task<(int ExitCode, string Output)> Try(Confinement sandbox, PythonFound? python, CancellationToken cancel)
    {
        // Within the worker's own folder: whoever dies in the middle leaves nothing elsewhere.
        var folder = Path.Combine(sandbox.Files.Root, WorkDirectory.ShortName("t-"));
        try
        {
            var place = RunPlace.Create(folder);
            await File.WriteAllTextAsync(place.Processors, "0\n", cancel);
            string[] program = python is null ? ["/bin/sh", "-c", "exit 0"] : [python.Path, "-c", "import sys; sys.exit(0)"];
            var command = sandbox.Trial(place, program);
            return await Programs.Run(command[0], command.Skip(1), Patience, cancel);
        }
        finally
        {
            RunPlace.Remove(folder);
        }
    }

    private static async Task<string?> Works(string? program, string[] arguments, CancellationToken cancel) =>
        program is not null && (await Programs.Run(program, arguments, Patience, cancel)).ExitCode == 0 ? program : null;

    private static string LastLine(string text) => text.Trim().Split('\n')[^1];
}

using System.Runtime.InteropServices;
using HiveMind.Workers.Machine;
using HiveMind.Workers.Runs;

namespace HiveMind.Workers;

/// <summary>
/// What a worker's process must be before it begins, and can become only by starting itself again in its own place: without the runtime's
/// diagnostic socket, through which a program of the same user reads its memory, and in a control group that systemd gives to it.
/// </summary>
public static partial class WorkerProcess
{
    private const string NoDiagnostics = "DOTNET_EnableDiagnostics", Scope = "HIVEMIND_WORKER_SCOPE";

    /// <summary>
    /// Only for a program's entry point: a library, or a test, that called it would begin its whole process anew.
    /// Comes back when the process is as it should be, or cannot become so. Standard streams and process id stay.
    /// </summary>
    public static async Task Prepare(CancellationToken cancel)
    {
        if (!OperatingSystem.IsLinux()) return;
        List<string> command = [];
        var variables = Variables();
        if (variables.TryAdd(Scope, "asked") && await SystemdScope(cancel) is { } scope) command.AddRange(scope);
        var isOpen = variables.GetValueOrDefault(NoDiagnostics) != "0";
        if (!isOpen && command.Count == 0) return;
        variables[NoDiagnostics] = "0";
        if (Self() is not { Count: > 0 } self) return;
        command.AddRange(self);
        Become(command, variables);
    }

    /// <summary>Null where there is no systemd, where it refuses, or where this process has control groups already.</summary>
    private static async Task<IReadOnlyList<string>?> SystemdScope(CancellationToken cancel)
    {
        if (Programs.Find("systemd-run") is not { } run || !Directory.Exists("/run/systemd/system")) return null;
        var (found, _) = Cgroups.Find();
        using (found)
            if (found is not null) return null;
        string[] scope = [run, .. Environment.IsPrivilegedProcess ? Array.Empty<string>() : ["--user"], "--scope", "--quiet", "--collect", "-p", "Delegate=yes"];
        return (await Programs.Run(run, [.. scope[1..], "true"], TimeSpan.FromSeconds(5), cancel)).ExitCode == 0 ? [.. scope, "--"] : null;
    }

    /// <summary>The runtime's files for its diagnostic socket and debugger: their runtime does not come to its end, which would remove them.</summary>
    private static void ForgetDiagnostics()
    {
        var own = $"{Environment.ProcessId}-{Cgroups.StartOf(Environment.ProcessId)}";
        foreach (var name in new[] { $"dotnet-diagnostic-{own}-socket", $"clr-debug-pipe-{own}-in", $"clr-debug-pipe-{own}-out" })
        {
            try
            {
                File.Delete(Path.Combine(Path.GetTempPath(), name));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It stays: nobody listens there any more.
            }
        }
    }

    private static IReadOnlyList<string> Self()
    {
        var words = File.ReadAllText("/proc/self/cmdline").Split('\0')[..^1];
        return words.Length == 0 || Environment.ProcessPath is not { } path ? [] : [path, .. words[1..]];
    }

    private static Dictionary<string, string> Variables() => Environment.GetEnvironmentVariables().Cast<System.Collections.DictionaryEntry>()
        .ToDictionary(one => (string)one.Key, one => (string?)one.Value ?? "");

    private static void Become(IReadOnlyList<string> command, Dictionary<string, string> variables)
    {
        ForgetDiagnostics();
        // Returns only when it did not work; then the worker goes on as it is.
        _ = Execve(command[0], [.. command, null], [.. variables.Select(one => $"{one.Key}={one.Value}"), null]);
    }

    [LibraryImport("libc", EntryPoint = "execve", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Execve(string path, string?[] arguments, string?[] variables);
}

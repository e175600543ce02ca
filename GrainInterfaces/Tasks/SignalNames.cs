namespace HiveMind.Tasks;

/// <summary>The kernel's names of the signals that end programs, by Linux's numbers.</summary>
public static class SignalNames
{
    public const int Kill = 9, Terminate = 15;

    private static readonly Dictionary<int, string> Names = new()
    {
        [1] = "SIGHUP", [2] = "SIGINT", [3] = "SIGQUIT", [4] = "SIGILL", [5] = "SIGTRAP", [6] = "SIGABRT", [7] = "SIGBUS", [8] = "SIGFPE", [9] = "SIGKILL",
        [10] = "SIGUSR1", [11] = "SIGSEGV", [12] = "SIGUSR2", [13] = "SIGPIPE", [14] = "SIGALRM", [15] = "SIGTERM", [24] = "SIGXCPU", [25] = "SIGXFSZ", [31] = "SIGSYS",
    };

    /// <summary>Empty where it has none.</summary>
    public static string NameOf(int signal) => Names.GetValueOrDefault(signal, "");

    /// <summary>"9 (SIGKILL)"; a number without a name alone.</summary>
    public static string Describe(int signal) => Names.TryGetValue(signal, out var name) ? $"{signal} ({name})" : $"{signal}";
}

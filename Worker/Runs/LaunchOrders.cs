using System.Globalization;
using System.Text;

namespace HiveMind.Workers.Runs;

/// <summary>What launch.py is told on its standard input before it starts a program; its comment describes the format.</summary>
internal sealed record LaunchOrders
{
    public required IReadOnlyList<string> Command { get; init; }
    public required IReadOnlyDictionary<string, string> Variables { get; init; }
    /// <summary>The processors it may use; none: all.</summary>
    public IReadOnlyList<int> Processors { get; init; } = [];
    /// <summary>By the kernel's count for its user; 0: no such limit.</summary>
    public int MostProcesses { get; init; }
    public int MostFiles { get; init; }
    /// <summary>What a single file may grow to; 0: no limit.</summary>
    public long FileBytes { get; init; }

    public byte[] ToBytes()
    {
        var text = new StringBuilder();
        Field(string.Join(',', Processors));
        Field(MostProcesses > 0 ? Number(MostProcesses) : "");
        Field(MostFiles > 0 ? Number(MostFiles) : "");
        Field(FileBytes > 0 ? Number(FileBytes) : "");
        Field(Number(Command.Count));
        foreach (var word in Command) Field(word);
        foreach (var (name, value) in Variables) Field($"{name}={value}");
        var body = Encoding.UTF8.GetBytes(text.ToString());
        return [.. Encoding.ASCII.GetBytes(body.Length.ToString("x8", CultureInfo.InvariantCulture)), .. body];

        void Field(string value) => text.Append(value.Contains('\0', StringComparison.Ordinal)
            ? throw new InvalidOperationException("An argument or a variable contains a NUL.") : value).Append('\0');
    }

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}

/// <summary>What launch.py has said of its program.</summary>
internal readonly record struct LaunchStatus(bool Started, string? Failure, int? WaitStatus, long CpuMs, long PeakKb)
{
    /// <summary>By the kernel's own encoding: 0 to 255, or null where a signal ended it or nobody knows.</summary>
    public int? ExitCode => WaitStatus is { } status && (status & 0x7F) == 0 ? (status >> 8) & 0xFF : null;

    /// <summary>The signal that ended it, or 0.</summary>
    public int Signal => (WaitStatus ?? 0) & 0x7F;

    /// <summary>A text that ends in the middle says what stands before.</summary>
    public static LaunchStatus Parse(string text)
    {
        var status = default(LaunchStatus);
        foreach (var line in text.Split('\n')[..^1])
        {
            var words = line.Split(' ', 2);
            status = words[0] switch
            {
                "started" => status with { Started = true },
                "failed" => status with { Failure = words.Length > 1 ? words[1] : "" },
                "ended" when words.Length > 1 && Numbers(words[1]) is [var wait, var cpu, var peak] =>
                    status with { WaitStatus = (int)wait, CpuMs = cpu / 1000, PeakKb = peak },
                _ => status,
            };
        }
        return status;
    }

    private static long[] Numbers(string text) =>
        [.. text.Split(' ').Select(word => long.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0)];
}

/// <summary>The kernel's names of signals that end programs, by Linux's numbers.</summary>
internal static class Signals
{
    public const int Kill = 9, Terminate = 15, FileTooLarge = 25;

    private static readonly Dictionary<int, string> Names = new()
    {
        [1] = "SIGHUP", [2] = "SIGINT", [3] = "SIGQUIT", [4] = "SIGILL", [5] = "SIGTRAP", [6] = "SIGABRT", [7] = "SIGBUS", [8] = "SIGFPE", [9] = "SIGKILL",
        [10] = "SIGUSR1", [11] = "SIGSEGV", [12] = "SIGUSR2", [13] = "SIGPIPE", [14] = "SIGALRM", [15] = "SIGTERM", [24] = "SIGXCPU", [25] = "SIGXFSZ", [31] = "SIGSYS",
    };

    public static string Describe(int signal) => Names.TryGetValue(signal, out var name) ? $"{signal} ({name})" : $"{signal}";
}

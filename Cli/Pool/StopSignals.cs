using System.Globalization;
using System.Runtime.InteropServices;

namespace HiveMind.Cli;

/// <summary>
/// A terminal that is closed (SIGHUP) and Ctrl-\ (SIGQUIT) are a stop in order, as SIGTERM and Ctrl-C are: what runs is handed back. Not where they were ignored at
/// the start, as under nohup.
/// </summary>
internal sealed class StopSignals : IDisposable
{
    private const int Hangup = 1, Quit = 3;
    private readonly List<PosixSignalRegistration> registrations = [];

    private StopSignals()
    {
    }

    public static StopSignals Watch(Action stop)
    {
        var signals = new StopSignals();
        signals.Add(PosixSignal.SIGHUP, Hangup, stop);
        signals.Add(PosixSignal.SIGQUIT, Quit, stop);
        return signals;
    }

    /// <summary>By the mask that /proc/self/status shows in hexadecimal: signal 1 is its lowest bit.</summary>
    public static bool IsIgnored(string status, int signal)
    {
        var line = status.Split('\n').FirstOrDefault(line => line.StartsWith("SigIgn:", StringComparison.Ordinal));
        return line is not null && ulong.TryParse(line["SigIgn:".Length..].Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var mask)
            && (mask >> (signal - 1) & 1) == 1;
    }

    public void Dispose() => registrations.ForEach(registration => registration.Dispose());

    private void Add(PosixSignal signal, int number, Action stop)
    {
        if (OperatingSystem.IsWindows() || (File.Exists("/proc/self/status") && IsIgnored(File.ReadAllText("/proc/self/status"), number)))
        {
            return;
        }

        registrations.Add(PosixSignalRegistration.Create(signal, context =>
        {
            context.Cancel = true;
            stop();
        }));
    }
}

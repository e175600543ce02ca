using System.Diagnostics;
using System.Globalization;

namespace HiveMind.Benchmarks;

/// <summary>What the kernel says of a process's memory.</summary>
internal static class ProcessMemory
{
    public static long PeakKb(Process process) => Status(process, "VmHWM:");

    public static long ResidentKb(Process process) => Status(process, "VmRSS:");

    /// <summary>What it has now; its peak counts from here on.</summary>
    public static long ResetPeakKb(Process process)
    {
        File.WriteAllText($"/proc/{process.Id}/clear_refs", "5");
        return ResidentKb(process);
    }

    private static long Status(Process process, string name)
    {
        try
        {
            var line = File.ReadLines($"/proc/{process.Id}/status").FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal));
            return line is null ? 0 : long.Parse(line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return 0; // just gone
        }
    }
}

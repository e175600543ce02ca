using System.Runtime.InteropServices;

namespace HiveMind.Workers.Runs;

/// <summary>What a report says of a fault that is the machine's own. It never names this machine's folders: strangers read it.</summary>
internal static class MachineFault
{
    private const int NoSpace = 28, OverQuota = 122, NoSpaceOnWindows = unchecked((int)0x80070070);
    public const string DiskFull = "The disk of this machine is full.";

    /// <summary>No room for another byte, or none for this user.</summary>
    public static bool IsDiskFull(Exception e) => e is IOException { HResult: NoSpace or OverQuota or NoSpaceOnWindows };

    /// <summary>As in "This machine could not keep the program's output: Input/output error."</summary>
    public static string Say(string what, Exception e) => IsDiskFull(e) ? DiskFull : $"This machine could not {what}: {Cause(e)}.";

    /// <summary>The system's own words for an error of files, else the kind of error: a message may hold a path.</summary>
    private static string Cause(Exception e) => e switch
    {
        IOException { HResult: > 0 and < 4096 } => Marshal.GetPInvokeErrorMessage(e.HResult),
        UnauthorizedAccessException => "permission denied",
        _ => e.GetType().Name,
    };
}

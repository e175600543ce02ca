namespace HiveMind.Storage;

/// <summary>
/// A store that failed once is not believed again (ADR 39): the process ends at once, without another write or answer, and a restart begins
/// from what is durable. Nothing is drained: what was acknowledged is on disk, and what was not must not be.
/// </summary>
public class FailStop
{
    /// <summary>EX_IOERR of sysexits. A service manager restarts it.</summary>
    public const int ExitCode = 74;

    public static FailStop OfProcess { get; } = new();

    /// <summary>Says one sentence on standard error and ends the process.</summary>
    public virtual void End(string sentence)
    {
        Console.Error.WriteLine($"hivemind: {sentence.ReplaceLineEndings(" ")} This process ends now: start it again.");
        if (OperatingSystem.IsWindows()) Environment.Exit(ExitCode);
        NativeFiles.ExitNow(ExitCode);
    }
}

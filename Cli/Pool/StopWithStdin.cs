using System.Runtime.InteropServices;

namespace HiveMind.Cli;

/// <summary>
/// Ties a child to its parent: the parent holds the other end of the child's standard input, so that the end of the stream means
/// the parent is gone, however it went, or asks the child to stop.
/// </summary>
internal static class StopWithStdin
{
    public const string Option = "--stop-with-stdin";

    private const int Sigterm = 15;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    public static void Watch(Action stop)
    {
        var watcher = new Thread(() =>
        {
            WaitForEnd();
            stop();
            // A child that cannot stop must not outlive its parent.
            Thread.Sleep(Patience);
            Environment.Exit(ExitCodes.TaskFailed);
        })
        { IsBackground = true, Name = "stop-with-stdin" };
        watcher.Start();
    }

    /// <summary>The stop that everything in this process already knows how to take.</summary>
    public static void TerminateSelf()
    {
        if (OperatingSystem.IsWindows())
        {
            Environment.Exit(ExitCodes.Ok);
        }

        _ = Kill(Environment.ProcessId, Sigterm);
    }

    private static void WaitForEnd()
    {
        using var input = Console.OpenStandardInput();
        var buffer = new byte[256];
        while (input.Read(buffer) > 0)
        {
        }
    }

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int processId, int signal);
}

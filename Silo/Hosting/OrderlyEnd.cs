using Orleans.Runtime;

namespace HiveMind.Hosting;

/// <summary>
/// In the place of Orleans' own handler, which ends the process by SIGABRT under sixty lines of stack. What is fatal to a silo is nearly always that the
/// others have declared it dead (it was cut off or frozen): its grains are elsewhere by then, so it ends at once, with one line, to be started again.
/// </summary>
internal sealed partial class OrderlyEnd(ILogger<OrderlyEnd> log) : IFatalErrorHandler
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private int _ending;

    public bool IsUnexpected(Exception exception) => true;

    public void OnFatalException(object? sender, string? context, Exception? exception)
    {
        LogFatal(log, context ?? "", exception);
        Leave("the other silos gave this one up (it was cut off or frozen for too long): it ends, to be started again.");
    }

    /// <summary>Not by the host's stop: that would ask the stores and the others, who may be what is gone.</summary>
    public void Leave(string why)
    {
        if (Interlocked.Exchange(ref _ending, 1) != 0) return;
        Console.Error.WriteLine($"hivemind: {why}");
        new Thread(() => Environment.Exit(SiloHost.StoreAway)) { IsBackground = true }.Start();
        new Thread(() =>
        {
            Thread.Sleep(Patience);
            System.Diagnostics.Process.GetCurrentProcess().Kill();
        }) { IsBackground = true }.Start();
    }

    [LoggerMessage(1, LogLevel.Debug, "Fatal to this silo: {Context}")]
    private static partial void LogFatal(ILogger logger, string context, Exception? cause);
}

using System.Diagnostics;

namespace HiveMind.Cli;

/// <summary>
/// Another `hivemind` of ours. It stops when we ask, when we are disposed and when we die: it reads the end of its standard input.
/// </summary>
internal sealed class ChildProcess : IAsyncDisposable
{
    private const int TailLength = 40;
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(15);

    private readonly Process process;
    private readonly Queue<string> tail = new();
    private readonly Lock tailLock = new();

    private ChildProcess(string name, Process process)
    {
        Name = name;
        this.process = process;
    }

    public string Name { get; }
    public int Id => process.Id;
    public bool HasExited => process.HasExited;
    public int ExitCode => process.ExitCode;

    /// <summary>Starts this program with a verb that knows <see cref="StopWithStdin"/>.</summary>
    public static ChildProcess Start(
        string name, IReadOnlyList<string> arguments, Action<ProcessStartInfo>? configure = null, Action<string>? onLine = null)
    {
        var start = Launch.Self([arguments[0], StopWithStdin.Option, .. arguments.Skip(1)]);
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        configure?.Invoke(start);
        var process = new Process { StartInfo = start };
        var child = new ChildProcess(name, process);
        process.OutputDataReceived += (_, line) => child.Keep(line.Data, onLine);
        process.ErrorDataReceived += (_, line) => child.Keep(line.Data, onLine);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return child;
    }

    /// <summary>The last lines it printed.</summary>
    public string Tail()
    {
        lock (tailLock)
        {
            return string.Join('\n', tail);
        }
    }

    public Task WaitForExit(CancellationToken stop) => process.WaitForExitAsync(stop);

    /// <summary>kill -9, of this one process: what a power cut does.</summary>
    public void KillNow() => process.Kill();

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
        {
            await AskToStop();
        }

        process.Dispose();
    }

    private async Task AskToStop()
    {
        try
        {
            process.StandardInput.Close();
            using var patience = new CancellationTokenSource(StopPatience);
            await process.WaitForExitAsync(patience.Token);
        }
        catch (Exception stuck) when (stuck is OperationCanceledException or IOException)
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync();
        }
    }

    private void Keep(string? line, Action<string>? onLine)
    {
        if (line is null)
        {
            return;
        }

        lock (tailLock)
        {
            tail.Enqueue(line);
            if (tail.Count > TailLength)
            {
                tail.Dequeue();
            }
        }

        onLine?.Invoke(line);
    }
}

using System.Collections.Concurrent;
using System.Diagnostics;

namespace HiveMind.Workers.Runs;

/// <summary>
/// Starts every program from one thread that lives as long as the worker: the kernel's "die with your parent" fires when the *thread*
/// that started a program ends, and threads of the pool come and go.
/// </summary>
internal sealed class ProcessSpawner
{
    private readonly BlockingCollection<Action> _work = [];

    public static ProcessSpawner Shared { get; } = new();

    private ProcessSpawner() => new Thread(Loop) { IsBackground = true, Name = "hivemind-spawner" }.Start();

    public Task<Process> Start(ProcessStartInfo start)
    {
        var started = new TaskCompletionSource<Process>(TaskCreationOptions.RunContinuationsAsynchronously);
        _work.Add(() =>
        {
            try
            {
                started.SetResult(Process.Start(start) ?? throw new InvalidOperationException("No process was started."));
            }
            catch (Exception e) when (e is System.ComponentModel.Win32Exception or InvalidOperationException)
            {
                started.SetException(e);
            }
        });
        return started.Task;
    }

    private void Loop()
    {
        foreach (var start in _work.GetConsumingEnumerable())
            start();
    }
}

using System.Diagnostics;

namespace HiveMind.Storage;

/// <summary>
/// The shared group commit: whoever arrives while one commit is under way shares the next, which covers all that was written before it
/// began. On a real Redis, which commits before it answers, there is nothing to do.
/// </summary>
public sealed class FloorCommit(Func<CancellationToken, Task>? commit, TimeSpan timeout)
{
    private readonly Lock gate = new();
    private TaskCompletionSource? next;
    private bool running;
    private int waiting;
    private long commits;

    /// <summary>Commits done so far: shows the sharing, and whether anything was asked to be durable since a look before.</summary>
    public long Commits => Interlocked.Read(ref commits);

    /// <summary>Done when all that this caller wrote before is durable. Unavailable when that is not known.</summary>
    public Task CommitAsync()
    {
        if (commit is null)
        {
            Interlocked.Increment(ref commits);
            return Task.CompletedTask;
        }
        lock (gate)
        {
            next ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            waiting++;
            if (!running)
            {
                running = true;
                // Not on a grain's scheduler: the loop serves everybody.
                _ = Task.Run(() => Run(commit));
            }
            return next.Task;
        }
    }

    private async Task Run(Func<CancellationToken, Task> commitOnce)
    {
        while (TakeBatch() is ({ } batch, var shared))
        {
            var began = Stopwatch.GetTimestamp();
            try
            {
                using var deadline = new CancellationTokenSource(timeout);
                await commitOnce(deadline.Token).WaitAsync(timeout);
                Interlocked.Increment(ref commits);
                FloorInstruments.Committed(Stopwatch.GetElapsedTime(began), shared);
                batch.SetResult();
            }
            catch (Exception e)
            {
                FloorInstruments.CommitFailed();
                batch.SetException(HiveMindException.Unavailable(FloorFailures.Reason, $"The floor did not commit: {e.Message}"));
            }
        }
    }

    private (TaskCompletionSource? Batch, int Shared) TakeBatch()
    {
        lock (gate)
        {
            var batch = (next, waiting);
            (next, waiting) = (null, 0);
            running = batch.next is not null;
            return batch;
        }
    }
}

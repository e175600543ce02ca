using System.Globalization;
using HiveMind.Workers.Machine;

namespace HiveMind.Workers.Runs;

/// <summary>Does nothing, or waits as many milliseconds as its payload says: what tests and benchmarks of the pool itself run.</summary>
public sealed class NoopRunner(TimeProvider time) : IRunner
{
    public string TaskType => TaskTypes.Noop;

    public async Task<RunResult> Run(RunRequest request, Action began, CancellationToken kill)
    {
        var startedAt = time.GetTimestamp();
        began();
        var text = File.Exists(request.Place.Program) ? await File.ReadAllTextAsync(request.Place.Program, kill) : "";
        if (int.TryParse(text, CultureInfo.InvariantCulture, out var wait) && wait > 0)
        {
            var whole = TimeSpan.FromMilliseconds(wait);
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(kill, request.Stop);
            await Task.Delay(whole < request.Timeout ? whole : request.Timeout, time, stop.Token);
            if (whole > request.Timeout)
                return new RunResult(null, RunReasons.RunTimeout, $"Stopped after {request.Timeout.TotalSeconds:0} s.", Elapsed(startedAt), 0);
        }
        return new RunResult(0, "", "", Elapsed(startedAt), 0);
    }

    private long Elapsed(long since) => (long)time.GetElapsedTime(since).TotalMilliseconds;
}

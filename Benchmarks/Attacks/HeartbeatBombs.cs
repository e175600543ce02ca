using System.Security.Cryptography;
using Grpc.Core;
using HiveMind.Protos;

namespace HiveMind.Benchmarks;

/// <summary>What a lent machine may say to cost the hub much: each without end, as fast as it is taken.</summary>
internal static class HeartbeatBombs
{
    private const int MostNames = 10_000;

    /// <summary>An id as tasks have them, and no task's.</summary>
    public static string UnknownId() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));

    /// <summary>Heartbeats that name ten thousand tasks each that never were, always others.</summary>
    public static Task Names(LentMachine machine, CancellationToken stop) => WithoutEnd(machine, stop, i =>
    {
        var beat = new WorkerHeartbeat { Sequence = i };
        for (var name = 0; name < MostNames; name++) beat.Running.Add(new AttemptRef { TaskId = UnknownId(), Attempt = 1, Started = true });
        return new() { Heartbeat = beat };
    });

    /// <summary>Heartbeats and nothing else.</summary>
    public static Task Fast(LentMachine machine, CancellationToken stop) =>
        WithoutEnd(machine, stop, i => new() { Heartbeat = new() { Sequence = i, Usage = new() { CpuUsage = i % 100 } } });

    /// <summary>Starts of tasks that never were; as many on their way as leave the stream open (it is closed to whoever has more).</summary>
    public static Task Starts(LentMachine machine, CancellationToken stop) =>
        WithoutEnd(machine, stop, _ => new() { Report = new() { TaskId = UnknownId(), Attempt = 1, Kind = TaskReportKind.Started } }, mostUnanswered: 500);

    private static async Task WithoutEnd(LentMachine machine, CancellationToken stop, Func<int, WorkerMessage> next, int mostUnanswered = int.MaxValue)
    {
        try
        {
            for (var i = 1; !stop.IsCancellationRequested; i++)
            {
                while (i - machine.Answers > mostUnanswered) await Task.Delay(5, stop);
                await machine.Say(next(i)).WaitAsync(stop);
            }
        }
        catch (Exception over) when (over is OperationCanceledException or RpcException or InvalidOperationException)
        {
            // told to stop, or the hub ended the stream
        }
    }
}

using System.Net;
using System.Net.Sockets;
using HiveMind.Workers;

namespace HiveMind.Tests.Workers;

/// <summary>Small helpers of the worker's tests.</summary>
internal static class Fakes
{
    public static WorkerOptions Options(Uri hub) => new() { Hub = hub, NodeId = "node", NodeToken = "token", AllowNoop = true };

    /// <summary>Waits until it holds; fails after a deadline.</summary>
    public static Task Until(Func<bool> condition, double seconds = 20) => Until(() => Task.FromResult(condition()), seconds);

    public static async Task Until(Func<Task<bool>> condition, double seconds = 20)
    {
        var since = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(since).TotalSeconds < seconds, "The condition did not come true in time.");
            await Task.Delay(10);
        }
    }

    /// <summary>A port on which somebody listens for the rest of the process.</summary>
    public static int OpenPort()
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}

/// <summary>Remembers every line a worker said.</summary>
internal sealed class ConsoleSpy : IWorkerConsole
{
    private readonly Lock _lock = new();
    private readonly List<(WorkerEvent Kind, string Line)> _lines = [];

    public void Say(WorkerEvent kind, string line)
    {
        lock (_lock)
            _lines.Add((kind, line));
    }

    public IReadOnlyList<string> Lines(WorkerEvent kind)
    {
        lock (_lock)
            return [.. _lines.Where(l => l.Kind == kind).Select(l => l.Line)];
    }
}

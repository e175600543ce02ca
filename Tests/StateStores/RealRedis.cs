using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace HiveMind.Tests.StateStores;

/// <summary>A redis-server of our own on a free port, killed by pid at the end.</summary>
internal sealed class RealRedis : IDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("hivemind-redis-").FullName;
    private readonly string[] settings;
    private Process process;

    private RealRedis(int port, string[] settings)
    {
        Port = port;
        this.settings = settings;
        process = StartProcess();
    }

    public int Port { get; }

    public string ConnectionString => $"127.0.0.1:{Port}";

    public int ProcessId => process.Id;

    /// <summary>Frozen, as by SIGSTOP, until it is continued or ended.</summary>
    public void Freeze() => Signal("-STOP");

    public void Continue() => Signal("-CONT");

    private static string? Program => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Select(folder => Path.Combine(folder, "redis-server")).FirstOrDefault(File.Exists);

    public static async Task<RealRedis> Start(params string[] settings)
    {
        Assert.SkipUnless(Program is not null, "redis-server is not on the PATH");
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        var port = ((IPEndPoint)probe.LocalEndpoint).Port;
        probe.Stop();
        var redis = new RealRedis(port, settings);
        await redis.Listening();
        return redis;
    }

    /// <summary>On the same data, after a kill.</summary>
    public Task Restart()
    {
        process.Dispose();
        process = StartProcess();
        return Listening();
    }

    private void Signal(string name)
    {
        using var kill = Process.Start("kill", [name, $"{process.Id}"]);
        kill.WaitForExit();
    }

    public void Kill()
    {
        process.Kill();
        process.WaitForExit();
    }

    public void Dispose()
    {
        Kill();
        process.Dispose();
        Directory.Delete(directory, recursive: true);
    }

    private Process StartProcess()
    {
        var started = Process.Start(new ProcessStartInfo(
            Program!, ["--port", $"{Port}", "--bind", "127.0.0.1", "--dir", directory, "--save", "", .. settings])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        started.BeginOutputReadLine();
        started.BeginErrorReadLine();
        return started;
    }

    private async Task Listening()
    {
        for (var deadline = Stopwatch.StartNew(); deadline.Elapsed < TimeSpan.FromSeconds(20); await Task.Delay(20))
        {
            using var client = new TcpClient();
            try
            {
                await client.ConnectAsync(IPAddress.Loopback, Port);
                return;
            }
            catch (SocketException)
            {
                // Not listening yet.
            }
        }
        Dispose();
        throw new InvalidOperationException("redis-server did not listen within 20 s");
    }
}

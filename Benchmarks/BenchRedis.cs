using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace HiveMind.Benchmarks;

/// <summary>A redis-server of a scenario's own, as a pool wants it: every write on disk before its answer.</summary>
internal sealed class BenchRedis : IDisposable
{
    /// <summary>The word by which a command line asks for one.</summary>
    public const string Own = "redis";
    private readonly string _directory = Directory.CreateTempSubdirectory("hivemind-redis-").FullName;
    private readonly Process _process;

    private BenchRedis(int port)
    {
        Port = port;
        string[] settings =
        [
            "--port", $"{port}", "--bind", "127.0.0.1", "--dir", _directory, "--save", "", "--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction",
        ];
        _process = Process.Start(new ProcessStartInfo("redis-server", settings) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public int Port { get; }
    public string ConnectionString => $"127.0.0.1:{Port}";
    public long ResidentMb => ProcessMemory.ResidentKb(_process) >> 10;

    public static async Task<BenchRedis> Start()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        var port = ((IPEndPoint)probe.LocalEndpoint).Port;
        probe.Stop();
        var redis = new BenchRedis(port);
        for (var tries = 0; ; tries++)
        {
            using var client = new TcpClient();
            try
            {
                await client.ConnectAsync(IPAddress.Loopback, port);
                return redis;
            }
            catch (SocketException) when (tries < 500)
            {
                await Task.Delay(20);
            }
        }
    }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        Directory.Delete(_directory, recursive: true);
    }
}

using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Grpc.Health.V1;
using Grpc.Net.Client;

namespace HiveMind.Tests.Processes;

/// <summary>What systemd hears of a silo that it started with Type=notify.</summary>
public sealed class ServiceManagerTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("hivemind-notify-").FullName;

    [Fact]
    public async Task Silo_StartedBySystemd_SaysReadyOnceItServesAndThatItStops()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "systemd is of Linux");
        using var ear = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        var socket = Path.Combine(_directory, "notify");
        ear.Bind(new UnixDomainSocketEndPoint(socket));
        var port = FreePort();
        using var manager = Start(socket, port);

        var first = await Hear(ear);
        using var channel = GrpcChannel.ForAddress($"http://127.0.0.1:{port}");
        var health = await new Health.HealthClient(channel).CheckAsync(new HealthCheckRequest());
        manager.StandardInput.Close();
        var last = await Hear(ear);
        await manager.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));

        Assert.Equal("READY=1", first);
        Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, health.Status);
        Assert.Equal("STOPPING=1", last);
        Assert.Equal(0, manager.ExitCode);
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    /// <summary>The silo as a child of a program called "systemd": that is how it knows who started it.</summary>
    private Process Start(string socket, int port)
    {
        var manager = Path.Combine(_directory, "systemd");
        File.Copy("/bin/sh", manager);
        var silo = $"dotnet '{Path.Combine(AppContext.BaseDirectory, "hivemind.dll")}' silo --stop-with-stdin --HiveMind:Grpc:Port={port} "
            + $"--HiveMind:Http:Port=0 --HiveMind:DataDirectory='{Path.Combine(_directory, "data")}'";
        var start = new ProcessStartInfo(manager, ["-c", $"{silo}; exit $?"])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        start.Environment["NOTIFY_SOCKET"] = socket;
        var process = Process.Start(start)!;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    private static async Task<string> Hear(Socket ear)
    {
        var buffer = new byte[256];
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var length = await ear.ReceiveAsync(buffer, patience.Token);
        return Encoding.UTF8.GetString(buffer, 0, length).Trim();
    }

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }
}

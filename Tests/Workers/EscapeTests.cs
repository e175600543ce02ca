using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace HiveMind.Tests.Workers;

/// <summary>A hostile program tries every way out that it knows (escapes.py): each must fail, for each way in which a worker keeps programs apart.</summary>
public sealed partial class EscapeTests : IDisposable
{
    private readonly RunnerBench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Theory]
    [InlineData(Isolation.Sandbox, 120)]
    [InlineData(Isolation.Namespace, 10)]
    [InlineData(Isolation.Bare, 6)]
    public async Task Attempts_OfAHostileProgram_AllFail(Isolation isolation, int least)
    {
        Environment.SetEnvironmentVariable("SECRET_OF_WORKER", "secret");
        var secret = Path.Combine(_bench.Root, "secret");
        await File.WriteAllTextAsync(secret, "secret");
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var name = "hivemind-" + Path.GetFileName(_bench.Root);
        using var hidden = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        hidden.Bind(new UnixDomainSocketEndPoint("\0" + name));
        hidden.Listen();

        using var program = new StreamReader(typeof(EscapeTests).Assembly.GetManifestResourceStream("escapes.py")!);
        var (result, place) = await _bench.Run(isolation, await program.ReadToEndAsync(), request => request with
        {
            Arguments = [isolation.ToString().ToLowerInvariant(), secret, $"{((IPEndPoint)listener.LocalEndpoint).Port}", name, $"{Environment.ProcessId}"],
        });

        var printed = await File.ReadAllTextAsync(place.Stdout);
        Assert.Equal((0, "", ""), (result.ExitCode, result.Message, await File.ReadAllTextAsync(place.Stderr)));
        Assert.Equal("", string.Join('\n', printed.Split('\n').Where(line => line.StartsWith("ESCAPED", StringComparison.Ordinal))));
        var counts = Held().Match(printed);
        Assert.Equal(counts.Groups[2].Value, counts.Groups[1].Value);
        Assert.InRange(int.Parse(counts.Groups[1].Value), least, 1000);
    }

    [GeneratedRegex(@"held (\d+) of (\d+)")]
    private static partial Regex Held();
}

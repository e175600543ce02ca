using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using Grpc.Core;
using Grpc.Net.Client;
using HiveMind.Protos;

namespace HiveMind.Benchmarks;

/// <summary>
/// Hostile clients one after the other, with the product's own settings, and beside them one that behaves: twenty calls a second on a connection of its
/// own. Prints what the hub's memory came to and how long that client's calls took. The attackers are a process of their own at the lowest priority: what
/// they cost themselves, other machines would pay.
/// </summary>
internal sealed class AttackFigures(int seconds, string only) : BenchHub
{
    private readonly List<(string Attack, long RestMb, long PeakMb, double P50, double P99, int Failed)> _rows = [];
    private Process _silo = null!;
    private string _address = "", _token = "";
    private Metadata _me = [];
    private MasterNodeService.MasterNodeServiceClient _beside = null!;

    /// <param name="seconds">Each attack's.</param>
    /// <param name="only">Only those with that word in their name, and nothing beside them.</param>
    public static async Task<int> Run(int seconds, string only)
    {
        using var attacks = new AttackFigures(seconds, only);
        await attacks.Measure();
        return 0;
    }

    private async Task Measure()
    {
        // BenchHub lifts the rate limit: here it is what it is.
        (_silo, _address) = await StartSilo("--HiveMind:RateLimit:RequestsPerSecond=200", "--HiveMind:RateLimit:Burst=400");
        using var channel = GrpcChannel.ForAddress(_address);
        (_, _me) = await NewUser(channel, "beside");
        _beside = new(channel);
        _token = (await NewUser(channel, "attacker")).Metadata.GetValue("authorization")!;
        for (var i = 0; i < 200; i++) await Ask(); // the first of each meets cold code

        await Beside("nothing");
        foreach (var attack in Attackers.Names) await Beside(attack);

        Console.WriteLine();
        Console.WriteLine("| attack | memory before, most (MiB) | beside: p50, p99 (ms) | failed |");
        Console.WriteLine("| --- | --- | --- | --- |");
        foreach (var row in _rows) Console.WriteLine($"| {row.Attack} | {row.RestMb}, {row.PeakMb} | {row.P50:F1}, {row.P99:F1} | {row.Failed} |");
    }

    private async Task Beside(string attack)
    {
        if (!attack.Contains(only, StringComparison.Ordinal) && attack != "nothing") return;
        var rest = ProcessMemory.ResetPeakKb(_silo) / 1024;
        using var attacker = attack == "nothing" ? null : await StartAttacker(attack);
        var (took, failed) = (new List<double>(), 0);
        for (var until = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(until).TotalSeconds < seconds;)
        {
            var began = Stopwatch.GetTimestamp();
            try { await Ask(); }
            catch (RpcException) { failed++; }
            took.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            await Task.Delay(50, CancellationToken.None);
        }

        if (attacker is not null) await attacker.WaitForExitAsync();
        took.Sort();
        var row = (attack, rest, ProcessMemory.PeakKb(_silo) / 1024, took[took.Count / 2], took[Math.Min(took.Count - 1, (int)(took.Count * 0.99))], failed);
        _rows.Add(row);
        Console.WriteLine(row);
    }

    /// <summary>It attacks from here on, for as long as it is measured.</summary>
    private async Task<Process> StartAttacker(string attack)
    {
        var start = new ProcessStartInfo("nice") { RedirectStandardInput = true, RedirectStandardOutput = true };
        foreach (var word in new[] { "-n", "19", Environment.ProcessPath!, Assembly.GetEntryAssembly()!.Location, "attacker", attack, _address, seconds.ToString(CultureInfo.InvariantCulture) })
            start.ArgumentList.Add(word);
        var attacker = Process.Start(start)!;
        await attacker.StandardInput.WriteLineAsync(_token); // not among the arguments, which everybody on the machine may read
        if (await attacker.StandardOutput.ReadLineAsync() != Attackers.Begun) throw new InvalidOperationException($"'{attack}' did not begin.");
        _ = Forward(attacker.StandardOutput);
        return attacker;
    }

    private static async Task Forward(StreamReader said)
    {
        while (await said.ReadLineAsync() is { } line) Console.WriteLine(line);
    }

    private async Task Ask() => await _beside.ListTasksAsync(new() { PageSize = 10 }, _me, TimeProvider.System.GetUtcNow().UtcDateTime.AddSeconds(10));
}

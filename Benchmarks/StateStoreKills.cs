using System.Diagnostics;
using System.Globalization;
using HiveMind.Storage;

namespace HiveMind.Benchmarks;

/// <summary>Acknowledged and lost, over some kills.</summary>
internal sealed record KillFigures(int Kills, long Acknowledged, long Lost, TimeSpan SlowestRecovery, long LargestDirectoryBytes);

/// <summary>kill -9 under load, start again on the same directory, and every acknowledged write must be there.</summary>
internal static class StateStoreKills
{
    public static async Task<int> Run(string directory, int kills)
    {
        var figures = await Measure(directory, kills, Console.WriteLine);
        Console.WriteLine(figures);
        return figures.Lost == 0 ? 0 : 1;
    }

    public static async Task<KillFigures> Measure(string directory, int kills, Action<string> tell)
    {
        // A fixed seed: the moments of the kills are the machine's chance anyway.
        var random = new Random(1);
        var expected = new Dictionary<string, int>();
        var sum = new KillFigures(0, 0, 0, TimeSpan.Zero, 0);
        for (var kill = 1; kill <= kills; kill++)
        {
            var acknowledged = await WriteUntilKilled(directory, TimeSpan.FromMilliseconds(random.Next(300, 2500)), expected);
            var began = Stopwatch.GetTimestamp();
            await using var stateStore = await StateStore.Start(StateStoreWriter.Options(directory));
            var recovery = Stopwatch.GetElapsedTime(began);
            var lost = await Lost(stateStore, expected);
            sum = new KillFigures(kill, sum.Acknowledged + acknowledged, sum.Lost + lost,
                recovery > sum.SlowestRecovery ? recovery : sum.SlowestRecovery, Math.Max(sum.LargestDirectoryBytes, Size(directory)));
            tell($"kill {kill}: {acknowledged} acknowledged, {lost} lost, recovered in {recovery.TotalSeconds:F2} s, "
                + $"{expected.Count} keys looked at, directory {Size(directory) / 1_000_000} MB");
        }
        return sum;
    }

    public static long Size(string directory) =>
        new DirectoryInfo(directory).EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length);

    private static async Task<long> WriteUntilKilled(string directory, TimeSpan after, Dictionary<string, int> expected)
    {
        var start = new ProcessStartInfo("dotnet")
        {
            ArgumentList = { typeof(StateStoreKills).Assembly.Location, "state-store-writer", directory },
            RedirectStandardOutput = true,
        };
        using var writer = Process.Start(start)!;
        var acknowledged = 0L;
        var killing = Task.CompletedTask;
        // Every line that reached us was acknowledged before the kill; one cut short by it is dropped.
        while (await writer.StandardOutput.ReadLineAsync() is { } line)
        {
            if (acknowledged++ == 0)
            {
                killing = KillLater(writer, after);
            }
            if (line.Split(' ') is [{ Length: 32 } id, { Length: 1 } version])
            {
                expected[id] = int.Parse(version, CultureInfo.InvariantCulture);
            }
        }
        await killing;
        await writer.WaitForExitAsync();
        return acknowledged;
    }

    private static async Task KillLater(Process writer, TimeSpan after)
    {
        await Task.Delay(after);
        writer.Kill();
    }

    private static async Task<long> Lost(StateStore stateStore, Dictionary<string, int> expected)
    {
        var store = new GrainLikeStore(stateStore);
        var unfinished = new HashSet<string>();
        await foreach (var entry in stateStore.Unfinished.Scan())
        {
            unfinished.Add(entry.Task.TaskId);
        }
        var lost = 0L;
        foreach (var batch in expected.Chunk(1000))
        {
            var found = await Task.WhenAll(batch.Select(async pair => (pair, Version: await store.Read(pair.Key))));
            lost += found.Count(read => IsLost(read.pair.Key, read.pair.Value, read.Version, unfinished));
        }
        return lost;
    }

    private static bool IsLost(string id, int acknowledged, int found, HashSet<string> unfinished)
    {
        if (acknowledged == 0)
        {
            return found != 0;
        }
        // What is deleted at its end may have been so already, just before its acknowledgement.
        var mayBeDeleted = StateStoreWriter.IsDeleted(id) && acknowledged == 3;
        return !(mayBeDeleted && found == 0) && (found < acknowledged || (!mayBeDeleted && !unfinished.Contains(id)));
    }
}

using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using HiveMind.Protos;
using HiveMind.Tests.Processes;

namespace HiveMind.Tests.Hostile;

/// <summary>
/// Programs of random nasty acts against one worker: each task ends with a cause of its own, no slot is lost, the worker does not grow, and starts again with
/// nothing left. HIVEMIND_FUZZ_SECONDS=300 does it so long for each row, HIVEMIND_SEED=N from that seed only; with HIVEMIND_FUZZ_ONE=1 that program alone.
/// </summary>
public sealed class FuzzTests(HostilePool hub) : IClassFixture<HostilePool>
{
    private const int AtOnce = 4, Known = 20261130;

    /// <summary>Ends of a program's own; WORKER_FAULT, a lost node and a second attempt are none.</summary>
    private static readonly string[] Causes = ["COMPLETED", "PROGRAM_FAILED", "RUN_TIMEOUT", "OUT_OF_MEMORY", "OUT_OF_DISK", "OUTPUT_TOO_LARGE"];

    private readonly ConcurrentDictionary<string, int> _ends = [];

    [Theory]
    [InlineData(Lending.Sandbox, 4)]
    [InlineData(Lending.Namespace, 2)]
    [InlineData(Lending.Bare, 2)]
    public async Task NastyPrograms_OneAfterTheOther_CostTheWorkerNothing(Lending lending, int seconds)
    {
        HostilePool.OnlyRows($"Fuzz {lending}");
        seconds = HostilePool.ByHand("HIVEMIND_FUZZ_SECONDS", seconds);
        var given = HostilePool.ByHand("HIVEMIND_SEED", 0);
        var fresh = given != 0 ? given : Environment.TickCount & 0xFFFFFF;
        HostilePool.Say($"{lending}: HIVEMIND_FUZZ_SECONDS={seconds} HIVEMIND_SEED={fresh}");
        int? user = lending == Lending.Bare && Environment.IsPrivilegedProcess ? LentMachine.Nobody : null;
        using var machine = await (await LentMachine.Register(hub.Pool, hub.Lender, $"fuzz-{lending}".ToLowerInvariant(), lending, user, "--cores", "4")).Start();
        await Plain(machine);
        var memory = new List<long>();
        var clock = Stopwatch.StartNew();
        var next = -1;
        var count = Environment.GetEnvironmentVariable("HIVEMIND_FUZZ_ONE") is null ? int.MaxValue : 1;
        await Task.WhenAll(Enumerable.Range(0, AtOnce).Select(async _ =>
        {
            while (clock.Elapsed.TotalSeconds < seconds && Interlocked.Increment(ref next) is var number && number < count)
            {
                // Half of them are always the same ones, half are new, unless one seed is asked for.
                await One(machine, given == 0 && number % 2 == 0 ? Known + (number / 2) : fresh + (number / (given == 0 ? 2 : 1)), lending);
                lock (memory) memory.Add(ResidentKb(machine.ProcessId));
            }
        }));
        await machine.NothingIsLeft(alive: true);
        await hub.HasAllItsRoom(machine);
        await Plain(machine);
        var third = memory.Count / 3;
        var (early, late) = (Median(memory.Take(third)), Median(memory.TakeLast(third)));
        HostilePool.Say($"{next} programs in {clock.Elapsed.TotalSeconds:0} s; memory {early >> 10} MB early, {late >> 10} MB late; {string.Join(", ", _ends.OrderByDescending(one => one.Value).Select(one => $"{one.Value} {one.Key}"))}");
        // A short run is all beginning.
        Assert.True(memory.Count < 300 || late < early * 1.25 + 10_000, $"{early} KB, then {late} KB");
        await machine.Stop();
        await machine.NothingIsLeft(alive: false);
        await machine.Start();
        await Plain(machine);
        await machine.NothingIsLeft(alive: true);
    }

    private async Task One(LentMachine machine, int seed, Lending lending)
    {
        var program = HostileProgram.Write(seed, lending != Lending.Bare);
        var task = await Submit(machine, program);
        GetTaskStatusResponse ended;
        try
        {
            ended = await hub.Ended(task, 60);
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"{lending}, HIVEMIND_SEED={seed} HIVEMIND_FUZZ_ONE=1: {e.Message}\n{program}\n{machine.Output}", e);
        }
        var causes = ended.Attempts.Select(attempt => attempt.Cause).ToList();
        _ends.AddOrUpdate(string.Join('+', causes), 1, (_, many) => many + 1);
        Assert.True(causes is [var cause] && Causes.Contains(cause),
            $"{lending}, HIVEMIND_SEED={seed} HIVEMIND_FUZZ_ONE=1: {string.Join(' ', causes)}: {ended.ErrorMessage}\n{program}\n{machine.Output}");
        Assert.False(machine.HasExited, $"{lending}, HIVEMIND_SEED={seed}: the worker ended\n{program}\n{machine.Output}");
    }

    private async Task Plain(LentMachine machine)
    {
        var ended = await hub.Ended(await Submit(machine, "print('well')", timeout: 60));
        Assert.True(ended.Status == "completed", $"{ended.Reason} {ended.ErrorMessage}\n{machine.Output}");
    }

    private Task<string> Submit(LentMachine machine, string program, int timeout = 3) => hub.Submit(new()
    {
        GraceSeconds = 1,
        Requirements = new() { CpuCores = 1, MemoryMb = 96, DiskMb = 30, MaxOutputMb = 2, TimeoutSeconds = timeout, Labels = $"machine = {machine.NodeId}" },
    }, program);

    private static long ResidentKb(int process)
    {
        var line = File.ReadLines($"/proc/{process}/status").FirstOrDefault(one => one.StartsWith("VmRSS:", StringComparison.Ordinal)) ?? "VmRSS: 0 kB";
        return long.Parse(line[6..].Replace("kB", "", StringComparison.Ordinal).Trim(), CultureInfo.InvariantCulture);
    }

    private static long Median(IEnumerable<long> values) => values.Order().ToList() is { Count: > 0 } sorted ? sorted[sorted.Count / 2] : 0;
}
